/** What is done with files beside SQLite, and how it is told what went wrong. */
import { chownSync, closeSync, fsyncSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database } from 'better-sqlite3';
import { OperatorError } from '../../errors.ts';
import { isOutOfSpace } from './disk-space.ts';

/** What SQLite keeps beside a database and takes for a part of it, by its name alone. */
export const logs = ['-wal', '-journal'];

/** Removes a database, with all that SQLite may have left beside it. */
export function remove(file: string): void {
  for (const suffix of ['', ...logs, '-shm']) rmSync(file + suffix, { force: true });
}

/** Returns once a file is on the disk, or what a folder lists. */
export function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Gives what root has made to the owner of its folder, as whom the server runs. */
export function giveToFolderOwner(path: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  chownSync(path, uid, gid);
}

/** Whether a database passes SQLite's own checks. */
export function isSound(sqlite: Database): boolean {
  if (sqlite.pragma('integrity_check', { simple: true }) !== 'ok') return false;
  return (sqlite.pragma('foreign_key_check') as unknown[]).length === 0;
}

/**
 * Makes a sentence of an error of the system or of SQLite; a defect stays what it is.
 *
 * @param names the database that was read, and the file that was to be written.
 */
export function explain(error: unknown, names: { read: string; written: string }): unknown {
  const { code, path } = error as { code?: unknown; path?: string };
  if (error instanceof OperatorError || typeof code !== 'string') return error;
  if (code === 'EFBIG' || isOutOfSpace(error, names.written)) return noSpaceError(names.written);
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) return damaged(names.read);
  if (!/^(E[A-Z\d]+|SQLITE_(BUSY|CANTOPEN|IOERR|LOCKED|PERM|READONLY).*)$/.test(code)) return error;
  const file = path === names.read ? names.read : names.written;
  return new OperatorError(
    `${file} cannot be read or written (${code}). Check its folder and who owns it.`,
  );
}

export const noSpaceError = (file: string) =>
  new OperatorError(`There is no room for ${file}. Make room and try again.`);

export const damaged = (file: string) =>
  new OperatorError(`${file} is damaged. Restore an earlier backup.`);
