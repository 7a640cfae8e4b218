/** Whether there is room on a disk: it may be full, or a quota used up. */
import { closeSync, fsyncSync, openSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';

/** There is no room for what is to be written. */
export class NoSpaceError extends Error {
  override readonly name = 'NoSpaceError';
  readonly code = 'SNUG_NO_ROOM';

  constructor(file: string, cause?: unknown) {
    super(`there is no room for ${file}`, { cause });
  }
}

/** What says so by itself. SHMSIZE: there was none for the index of the log. */
const full = /^(SQLITE_FULL|SQLITE_IOERR_SHMSIZE|SNUG_NO_ROOM|ENOSPC)$/;

/** A quota is used up; libuv has no name for it. */
const quota = -constants.errno.EDQUOT;

/**
 * What SQLite also says where a quota is used up: of the errors of a write it knows ENOSPC alone.
 * Not of an fsync: after one that fails, nobody knows what is on the disk, whatever the reason.
 */
const perhapsFull = /^SQLITE_(IOERR_(WRITE|SHMOPEN|TRUNCATE)|CANTOPEN)$/;

/** A disk with less room than this is full, in bytes: the log may have some for one page alone. */
export const leastSpace = 1024 * 1024;

/** How much is written to see whether something can be, in bytes: more than one page. */
const sample = 64 * 1024;

/** How many bytes may still be written where a file or a folder is; a quota is not considered. */
export function freeSpace(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** Whether what failed has failed for want of room where a file is. */
export function isOutOfSpace(error: unknown, file: string): boolean {
  const { code = '' } = (error ?? {}) as { code?: string };
  return isFull(error) || (perhapsFull.test(code) && !hasSpace(file, sample));
}

function isFull(error: unknown): boolean {
  const { code = '', errno } = (error ?? {}) as NodeJS.ErrnoException;
  return full.test(code) || errno === quota;
}

/**
 * Makes sure that so many bytes may be written where a file is, by writing and syncing them to a
 * file that has no name any more. Takes as long as that.
 *
 * @throws NoSpaceError
 */
export function requireSpace(file: string, bytes: number): void {
  if (!hasSpace(file, bytes)) throw new NoSpaceError(file);
}

function hasSpace(file: string, bytes: number): boolean {
  try {
    if (freeSpace(dirname(file)) < bytes) return false;
    tryToWrite(dirname(file), bytes);
    return true;
  } catch (error) {
    // What else goes wrong here says nothing of room.
    return !isFull(error);
  }
}

function tryToWrite(folder: string, bytes: number): void {
  const path = join(folder, `.snug-probe-${process.pid}-${threadId}.tmp`);
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    unlinkSync(path);
    const data = Buffer.alloc(bytes, 1);
    for (let at = 0; at < bytes; ) at += writeSync(descriptor, data, at, bytes - at, at);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
