/** Backups: complete, compact copies of the database, made with or without a running server. */
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { OperatorError } from '../../errors.ts';
import { connect } from '../file/connection.ts';
import { freeSpace } from '../file/disk-space.ts';
import { damaged, explain, isSound, logs, noSpaceError, remove, sync } from '../file/files.ts';
import { checkHeader, hasHeader, sizeOf } from '../file/header.ts';
import { keepSyncing } from '../file/paced-sync.ts';

/** How much room is left to the server on a disk that it shares with the backup, in bytes. */
const reserve = 64 * 1024 * 1024;

/** How long to wait for a server that has just crashed or is starting, in ms. */
const patience = 5_000;

/** An unfinished backup, named by the process that writes it. */
const unfinished = /^\.snug-backup-(\d+)\.tmp(-journal)?$/;

/**
 * Writes all that is committed at this moment to a new file, mode 0600. The file gets its name once
 * it is complete, has passed SQLite's checks and is on disk; otherwise it is removed.
 *
 * Only for a process that has not opened the database already: POSIX releases all of a process's
 * locks on a file when it closes any descriptor of it, and the file's header is read here. It
 * blocks most of the time.
 *
 * @throws OperatorError if there is no database, it is not ours or damaged, or the file exists or
 *   cannot be written.
 */
export async function backUp(database: string, file: string): Promise<void> {
  const target = resolve(file);
  const temporary = join(dirname(target), `.snug-backup-${process.pid}.tmp`);
  try {
    checkDatabase(database);
    checkIsNew(target, database);
    clearUnfinished(dirname(target));
    // Created here, so that nobody else can read it at any time.
    closeSync(openSync(temporary, 'wx', 0o600));
    await copy(database, temporary, target);
    checkCopy(database, temporary);
    sync(temporary);
    checkIsNew(target, database);
    renameSync(temporary, target);
    sync(dirname(target));
  } catch (error) {
    remove(temporary);
    throw explain(error, { read: database, written: target });
  }
}

/** Whether a file is a database of ours that has not been truncated; only its header is read. */
export function isWhole(file: string): boolean {
  try {
    return sizeOf(file) === statSync(file).size;
  } catch {
    return false;
  }
}

/** Removes from a folder the unfinished files of backups that were killed. */
export function clearUnfinished(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = unfinished.exec(name)?.[1];
    if (pid !== undefined && !isAnother(Number(pid))) rmSync(join(folder, name), { force: true });
  }
}

/** Whether this is a running process other than this one. */
function isAnother(pid: number): boolean {
  try {
    return pid !== process.pid && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function checkDatabase(database: string): void {
  if (!existsSync(database) || !hasHeader(database)) {
    throw new OperatorError(`There is no database at ${database}. Name it in DATABASE_URL.`);
  }
  checkHeader(database);
}

function checkIsNew(target: string, database: string): void {
  if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) {
    throw new OperatorError(`${target} already exists. Name a new file.`);
  }
  const path = join(realpathSync(dirname(target)), basename(target));
  if (logs.some((suffix) => path === realpathSync(database) + suffix)) {
    throw new OperatorError(`The database itself uses the name ${target}. Name another file.`);
  }
}

async function copy(database: string, temporary: string, target: string): Promise<void> {
  const source = connect(database);
  const stopSyncing = keepSyncing(temporary);
  try {
    source.pragma(`busy_timeout = ${patience}`);
    checkRoom(source, target);
    source.prepare('VACUUM INTO ?').run(temporary);
  } finally {
    source.close();
    await stopSyncing();
  }
}

/** A full disk would also keep the server from storing anything. */
function checkRoom(source: Database.Database, target: string): void {
  const count = (name: string) => source.pragma(name, { simple: true }) as number;
  const bytes = (count('page_count') - count('freelist_count')) * count('page_size');
  if (freeSpace(dirname(target)) < bytes + reserve) throw noSpaceError(target);
}

function checkCopy(database: string, temporary: string): void {
  const sqlite = new Database(temporary, { readonly: true });
  try {
    if (!isSound(sqlite)) throw damaged(database);
  } finally {
    sqlite.close();
  }
}
