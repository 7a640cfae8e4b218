import { realpathSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The database and what lies beside it, as far as it is there; sizes in bytes. */
export function filesOf(path: string) {
  const file = realpathSync(path);
  return ['', '-wal', '-shm', '.lock'].flatMap((suffix) => {
    const stats = statSync(file + suffix, { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ path: file + suffix, size: stats.size, mode: stats.mode }];
  });
}

/** How many bytes may still be written where the database is. */
export function freeSpaceOf(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(realpathSync(path)));
  return bavail * bsize;
}
