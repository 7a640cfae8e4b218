/** Whether there is room on a disk: it may be full, or a quota used up. */
import { closeSync, fsyncSync, openSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { meaningOf } from './error-codes.ts';

/** There is no room for what must be written. */
export class NoSpaceError extends Error {
  override readonly name = 'NoSpaceError';
  readonly code = 'SNUG_NO_ROOM';

  constructor(file: string, cause?: unknown) {
    super(`there is no room for ${file}`, { cause });
  }
}

/** A quota is used up; libuv has no name for this error. */
const quota = -constants.errno.EDQUOT;

/**
 * A disk with less room than this counts as full, in bytes: the WAL may have room for only one
 * page.
 */
export const leastSpace = 1024 * 1024;

/** How much is written to test whether writing works, in bytes: more than one page. */
const sample = 64 * 1024;

/** How many bytes may still be written where a file or a folder is; quotas are not considered. */
export function freeSpace(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** Whether an operation failed for want of room where a file is. */
export function isOutOfSpace(error: unknown, file: string): boolean {
  if (isFull(error)) return true;
  return meaningOf(error, 'isFull') === 'perhaps' && !hasSpace(file, sample);
}

function isFull(error: unknown): boolean {
  const { errno } = (error ?? {}) as NodeJS.ErrnoException;
  return meaningOf(error, 'isFull') === 'yes' || errno === quota;
}

/**
 * Makes sure that this many bytes can be written where a file is, by writing and syncing them to a
 * file that no longer has a name. Takes as long as that.
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
    // Other errors here say nothing about room.
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
