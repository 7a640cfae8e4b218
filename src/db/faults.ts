import { statSync } from 'node:fs';
import type { RefusalCode } from '../errors.ts';

/** What the driver's errors say of the file and its disk: https://sqlite.org/rescode.html */
const meanings: readonly (readonly [codes: RegExp, RefusalCode])[] = [
  // Another program holds the file, longer than we wait for it.
  [/^SQLITE_BUSY/, 'busy'],
  // SHMSIZE: there was no room for the index of the log, which is made anew at each start.
  [/^SQLITE_(FULL|IOERR_SHMSIZE)$/, 'disk_full'],
  [/^SQLITE_READONLY/, 'read_only'],
  // A page that cannot be read: starting again would not mend it, and the others can be.
  [/^SQLITE_(CORRUPT|NOTADB|IOERR_(READ|SHORT_READ|CORRUPTFS)$)/, 'damaged'],
  [/^SQLITE_IOERR|^SNUG_DISPLACED$/, 'storage_failed'],
];

/** Why a statement failed, if that is the fault of the file, its disk or another program. */
export function faultOf(error: unknown): RefusalCode | undefined {
  const { code = '' } = (error ?? {}) as { code?: string };
  return meanings.find(([codes]) => codes.test(code))?.[1];
}

/** A file lies no longer where it was opened: what is written now, no later start would find. */
export class Displaced extends Error {
  override readonly name = 'Displaced';
  readonly code = 'SNUG_DISPLACED';

  constructor(file: string) {
    super(`${file} was moved, deleted or replaced`);
  }
}

/**
 * Remembers which files these are.
 *
 * @returns a function that throws Displaced once one of them is another file, or none.
 */
export function keepPlace(files: readonly string[]): () => void {
  const identity = (file: string) => {
    const { dev = 0, ino = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
    return `${dev}:${ino}`;
  };
  const known = files.map((file) => [file, identity(file)] as const);
  return () => {
    for (const [file, id] of known) if (identity(file) !== id) throw new Displaced(file);
  };
}
