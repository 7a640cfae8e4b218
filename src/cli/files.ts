import { realpathSync, statSync } from 'node:fs';

/** The database and the files next to it, as far as they exist; sizes in bytes. */
export function filesOf(path: string) {
  const file = realpathSync(path);
  return ['', '-wal', '-shm', '.lock'].flatMap((suffix) => {
    const stats = statSync(file + suffix, { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ path: file + suffix, size: stats.size, mode: stats.mode }];
  });
}
