/** File operations next to SQLite, and the sentences for their errors. */
import { chownSync, closeSync, fsyncSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database } from 'better-sqlite3';
import { OperatorError } from '../../errors.ts';
import { isOutOfSpace } from './disk-space.ts';

/** The files that SQLite stores next to a database, and assigns to it only by their names. */
export const logs = ['-wal', '-journal'];

/** Removes a database, with all files that SQLite may have left next to it. */
export function remove(file: string): void {
  for (const suffix of ['', ...logs, '-shm']) rmSync(file + suffix, { force: true });
}

/** Returns once a file, or a folder's list of names, is on disk. */
export function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Gives a file made by root to the owner of its folder: the server runs as that user. */
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
 * Turns an error of the system or of SQLite into a sentence; a defect stays what it is.
 *
 * @param names the database that was read, and the file that was being written.
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
  new OperatorError(`There is not enough disk space for ${file}. Free some space and try again.`);

export const damaged = (file: string) =>
  new OperatorError(`${file} is damaged. Restore an earlier backup.`);
