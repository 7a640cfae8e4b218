/** Replaces the database by a backup. */
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  linkSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Database } from 'better-sqlite3';
import { OperatorError } from '../../errors.ts';
import { bundledMigrations } from '../file/bundled-migrations.ts';
import { connect } from '../file/connection.ts';
import { damaged, explain, giveToFolderOwner, isSound, logs, remove, sync } from '../file/files.ts';
import { checkHeader, hasHeader } from '../file/header.ts';
import { type Created, makeFolder, removeCreated } from '../file/location.ts';
import { InUse, lockFile, lockInstance } from '../file/lock.ts';
import { migrate } from '../file/migrate.ts';
import type { Migration } from '../file/migrations.ts';

/**
 * How far every sequence of ids is moved beyond the highest known id: more than were assigned since
 * the backup was created, in case the database that assigned them is lost. See decision 11.
 */
const gap = 1_000_000;

/** The highest assigned id of each table. */
type Sequences = ReadonlyMap<string, number>;

/** The database to be replaced, locked against everybody else until it is released. */
interface Old {
  readonly sequences: Sequences;
  release(): void;
}

/**
 * Replaces the database by a backup, after upgrading it and deleting its sessions and past events.
 * The old database is stored next to the new one. At any moment, even after a crash, one of the two
 * is complete under the database's name.
 *
 * Only for a process that has not opened either file already; see backup.ts.
 *
 * @param migrations the migrations that the program has, oldest first.
 * @returns the name of the database that was replaced; undefined if there was none.
 * @throws OperatorError if the backup is no sound database of ours or newer than the program, or a
 *   server or another program uses the database; nothing has changed then.
 */
export async function restore(
  backup: string,
  database: string,
  migrations: readonly Migration[] = bundledMigrations,
): Promise<string | undefined> {
  const created: Created = {};
  try {
    checkBackup(backup);
    const file = findPlace(database, created);
    if (realpathSync(backup) === file) {
      throw new OperatorError(`${backup} is the database itself. Name a backup.`);
    }
    makeLock(file, created);
    const lock = lockInstance(file);
    try {
      return await replace(file, backup, migrations);
    } finally {
      lock.release();
    }
  } catch (error) {
    // Without a database, a leftover lock would say that there was one.
    if (!(error instanceof InUse)) removeCreated(created, database);
    throw explain(error, { read: backup, written: database });
  }
}

function checkBackup(backup: string): void {
  if (!statSync(backup, { throwIfNoEntry: false })?.isFile()) {
    throw new OperatorError(`There is no file ${backup}. Name a backup.`);
  }
  if (!hasHeader(backup)) throw new OperatorError(`${backup} is not a database. Name a backup.`);
  checkHeader(backup, 'Name a backup.');
  // A copy of a file that a server is writing to would be inconsistent.
  if (existsSync(lockFile(backup))) lockInstance(backup).release();
}

/** Creates the folder if it is missing; returns the database's real path. */
function findPlace(database: string, created: Created): string {
  created.folder = makeFolder(dirname(resolve(database)));
  const file = existsSync(database)
    ? realpathSync(database)
    : join(realpathSync(dirname(resolve(database))), basename(database));
  // Another program's database must not be replaced; a file that is no longer a database may have
  // been ours.
  if (existsSync(file) && hasHeader(file)) checkHeader(file);
  return file;
}

function makeLock(file: string, created: Created): void {
  if (existsSync(lockFile(file))) return;
  closeSync(openSync(lockFile(file), 'a', 0o600));
  created.lock = lockFile(file);
  giveToFolderOwner(lockFile(file));
}

async function replace(
  file: string,
  backup: string,
  migrations: readonly Migration[],
): Promise<string | undefined> {
  const next = `${file}.restoring`;
  remove(next);
  clearLinks(file);
  try {
    await copy(backup, next);
    giveToFolderOwner(next);
    upgradeCopy(next, backup, migrations);
    const old = takeOver(file);
    try {
      startOver(next, old.sequences);
      sync(next);
      return swap(file, next);
    } finally {
      old.release();
    }
  } finally {
    remove(next);
  }
}

/**
 * Removes second names of the database, left by a restore that was killed: SQLite allows
 * only one.
 */
function clearLinks(file: string): void {
  const { ino, nlink = 1 } = statSync(file, { throwIfNoEntry: false }) ?? {};
  if (nlink === 1) return;
  for (const name of readdirSync(dirname(file))) {
    const path = join(dirname(file), name);
    const isReplaced = name.startsWith(`${basename(file)}.replaced-`);
    if (isReplaced && statSync(path).ino === ino) remove(path);
  }
}

/** Never opens the backup itself: that may already write to it. */
async function copy(backup: string, next: string): Promise<void> {
  for (const suffix of ['', ...logs]) {
    if (!existsSync(backup + suffix)) continue;
    const target = createWriteStream(next + suffix, { flags: 'wx', mode: 0o600 });
    await pipeline(createReadStream(backup + suffix), target);
  }
}

function upgradeCopy(next: string, backup: string, migrations: readonly Migration[]): void {
  withConnection(next, (sqlite) => {
    // Leaves a single file, because only one can be renamed.
    sqlite.pragma('journal_mode = DELETE');
    if (!isSound(sqlite)) throw damaged(backup);
    migrate(sqlite, backup, migrations);
  });
}

/**
 * Deletes all sessions and the event log, so that every reader learns that it must load everything
 * again.
 */
function startOver(next: string, old: Sequences): void {
  withConnection(next, (sqlite) => {
    sqlite.transaction(() => {
      sqlite.exec('delete from sessions; delete from events');
      moveSequences(sqlite, old);
      sqlite.prepare("insert into events (type, at) values ('restored', ?)").run(Date.now());
    })();
  });
}

/** Ids are never reused, not even those assigned after the backup. */
function moveSequences(sqlite: Database, old: Sequences): void {
  const current = readSequences(sqlite);
  const tables = sqlite
    .prepare("select name from sqlite_schema where type = 'table' and sql like '%autoincrement%'")
    .pluck();
  sqlite.exec('delete from sqlite_sequence');
  const insert = sqlite.prepare('insert into sqlite_sequence (name, seq) values (?, ?)');
  for (const name of tables.all() as string[]) {
    insert.run(name, Math.max(current.get(name) ?? 0, old.get(name) ?? 0) + gap);
  }
}

function readSequences(sqlite: Database): Sequences {
  return new Map(sqlite.prepare('select name, seq from sqlite_sequence').raw().all() as []);
}

function withConnection(file: string, work: (sqlite: Database) => void): void {
  const sqlite = connect(file);
  try {
    work(sqlite);
  } finally {
    sqlite.close();
  }
}

/**
 * Moves the WAL of the old database into it and locks it. A process that still had it open would,
 * on closing, delete the new database's WAL, which has the same name.
 */
function takeOver(file: string): Old {
  const none: Old = { sequences: new Map(), release: () => undefined };
  if (!existsSync(file) || !hasHeader(file)) return none;
  const opened: Database[] = [];
  try {
    const sqlite = connect(file, opened);
    sqlite.pragma('journal_mode = DELETE');
    sqlite.exec('BEGIN EXCLUSIVE');
    return { sequences: readSequences(sqlite), release: () => sqlite.close() };
  } catch (error) {
    for (const connection of opened) connection.close();
    const { code = '' } = error as { code?: string };
    if (/BUSY|LOCKED/.test(code)) {
      throw new OperatorError(`Another program is using ${file}. Stop it first.`);
    }
    // Any other error means damage, which is a reason to restore: the file is stored as it is.
    if (/CANTOPEN|READONLY|PERM|FULL/.test(code)) throw error;
    return none;
  }
}

/**
 * Stores the old database and its journal files under another name, and renames the new one over
 * it.
 */
function swap(file: string, next: string): string | undefined {
  const replaced = `${file}.replaced-${new Date().toISOString().replaceAll(':', '')}`;
  const linked = ['', ...logs].filter((suffix) => existsSync(file + suffix));
  for (const suffix of linked) linkSync(file + suffix, replaced + suffix);
  sync(dirname(file));
  // SQLite assigns a WAL to whichever database has its name.
  for (const suffix of [...logs, '-shm']) rmSync(file + suffix, { force: true });
  renameSync(next, file);
  sync(dirname(file));
  return linked.includes('') ? replaced : undefined;
}
