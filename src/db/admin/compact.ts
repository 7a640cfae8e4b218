/** Returns the free space inside the file to the disk. */
import { chmodSync, chownSync, closeSync, openSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { OperatorError } from '../../errors.ts';
import { type Connection, connect } from '../file/connection.ts';
import { freeSpace, leastSpace } from '../file/disk-space.ts';
import { damaged, isSound, noSpaceError, remove, sync } from '../file/files.ts';
import { claimLocation } from '../file/location.ts';
import { toOperatorError } from '../file/operator-errors.ts';

/** The sizes of the file, in bytes. */
export interface Compacted {
  readonly before: number;
  readonly after: number;
}

/** The copy before it becomes the database. */
export const unfinishedCopy = (file: string) => `${file}.compacting`;

/**
 * Writes a copy of the database without its free space, and renames it over the old file. The
 * contents stay as they are: ids, sessions, events. At any moment, even after a crash, one of the
 * two files is complete under the database's name.
 *
 * Only for a process that has not opened the database already; see backup.ts. It blocks.
 *
 * @throws OperatorError if there is none, a server or another program uses it, it is damaged, or
 *   there is no room for the new one.
 */
export function compact(path: string): Compacted {
  const place = claimLocation(path, { mustExist: true });
  const { file } = place;
  const opened: Connection[] = [];
  try {
    const before = statSync(file).size;
    replace(file, opened);
    return { before, after: statSync(file).size };
  } catch (error) {
    throw toOperatorError(error, file);
  } finally {
    for (const connection of opened) connection.close();
    remove(unfinishedCopy(file));
    place.release();
  }
}

function replace(file: string, opened: Connection[]): void {
  const sqlite = connect(file, opened);
  const copy = unfinishedCopy(file);
  shut(sqlite, file);
  checkRoom(sqlite, file);
  remove(copy);
  // Created here, so that nobody else can read it at any time.
  closeSync(openSync(copy, 'wx', 0o600));
  sqlite.prepare('VACUUM INTO ?').run(copy);
  if (!isSoundFile(copy)) throw damaged(file);
  const { uid, gid, mode } = statSync(file);
  chownSync(copy, uid, gid);
  chmodSync(copy, mode);
  sync(copy);
  renameSync(copy, file);
  sync(dirname(file));
}

/** Leaves a single file, because only one can be renamed, and locks everybody else out. */
function shut(sqlite: Connection, file: string): void {
  try {
    sqlite.pragma('journal_mode = DELETE');
    // The lock stays after the commit: VACUUM INTO cannot run inside a transaction.
    sqlite.pragma('locking_mode = EXCLUSIVE');
    sqlite.exec('BEGIN EXCLUSIVE; COMMIT');
  } catch (error) {
    if (!/BUSY|LOCKED/.test((error as { code?: string }).code ?? '')) throw error;
    throw new OperatorError(`Another program is using ${file}. Stop it first.`);
  }
}

function checkRoom(sqlite: Connection, file: string): void {
  const count = (name: string) => sqlite.pragma(name, { simple: true }) as number;
  const bytes = (count('page_count') - count('freelist_count')) * count('page_size');
  if (freeSpace(dirname(file)) < bytes + leastSpace) throw noSpaceError(unfinishedCopy(file));
}

function isSoundFile(file: string): boolean {
  const sqlite = new Database(file, { readonly: true });
  try {
    return isSound(sqlite);
  } finally {
    sqlite.close();
  }
}
