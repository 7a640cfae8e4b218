/** Puts a backup in the place of the database. */
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
import { type Made, makeFolder, unmake } from '../file/location.ts';
import { InUse, lockFile, lockInstance } from '../file/lock.ts';
import { migrate } from '../file/migrate.ts';
import type { Migration } from '../file/migrations.ts';

/**
 * Every sequence of ids goes on so far above the highest that is known: more than were given since
 * the backup was made, where the database that gave them is lost. See decision 11.
 */
const gap = 1_000_000;

/** The highest id that was given, by table. */
type Sequences = ReadonlyMap<string, number>;

/** The database that is to be replaced, shut to everybody else until it is released. */
interface Old {
  readonly sequences: Sequences;
  release(): void;
}

/**
 * Replaces the database by a backup, which is brought up to date and has no sessions and no past
 * events any more. The database is kept beside the new one. At any moment, even of a crash, the one
 * or the other stands under the name, whole.
 *
 * Only for a process that has not opened either file already; see backup.ts.
 *
 * @param migrations those that the program knows, oldest first.
 * @returns the name of the database that was replaced; undefined if there was none.
 * @throws OperatorError if the backup is no sound database of ours or newer than the program, or a
 *   server or another program uses the database; nothing has changed then.
 */
export async function restore(
  backup: string,
  database: string,
  migrations: readonly Migration[] = bundledMigrations,
): Promise<string | undefined> {
  const made: Made = {};
  try {
    checkBackup(backup);
    const file = findPlace(database, made);
    if (realpathSync(backup) === file) {
      throw new OperatorError(`${backup} is the database itself. Name a backup.`);
    }
    makeLock(file, made);
    const lock = lockInstance(file);
    try {
      return await replace(file, backup, migrations);
    } finally {
      lock.release();
    }
  } catch (error) {
    // Where there is no database, a lock would say that there was one.
    if (!(error instanceof InUse)) unmake(made, database);
    throw explain(error, { read: backup, written: database });
  }
}

function checkBackup(backup: string): void {
  if (!statSync(backup, { throwIfNoEntry: false })?.isFile()) {
    throw new OperatorError(`There is no file ${backup}. Name a backup.`);
  }
  if (!hasHeader(backup)) throw new OperatorError(`${backup} is not a database. Name a backup.`);
  checkHeader(backup, 'Name a backup.');
  // A copy of a file that a server writes to would be torn.
  if (existsSync(lockFile(backup))) lockInstance(backup).release();
}

/** Makes the folder where it is missing; returns the database's one true name. */
function findPlace(database: string, made: Made): string {
  made.folder = makeFolder(dirname(resolve(database)));
  const file = existsSync(database)
    ? realpathSync(database)
    : join(realpathSync(dirname(resolve(database))), basename(database));
  // Another program's is not ours to replace; what is no database any more may have been ours.
  if (existsSync(file) && hasHeader(file)) checkHeader(file);
  return file;
}

function makeLock(file: string, made: Made): void {
  if (existsSync(lockFile(file))) return;
  closeSync(openSync(lockFile(file), 'a', 0o600));
  made.lock = lockFile(file);
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
    bringUpToDate(next, backup, migrations);
    const old = takeOver(file);
    try {
      beginAnew(next, old.sequences);
      sync(next);
      return swap(file, next);
    } finally {
      old.release();
    }
  } finally {
    remove(next);
  }
}

/** Takes away second names of the database, left by a restore that was killed: SQLite bears none. */
function clearLinks(file: string): void {
  const { ino, nlink = 1 } = statSync(file, { throwIfNoEntry: false }) ?? {};
  if (nlink === 1) return;
  for (const name of readdirSync(dirname(file))) {
    const path = join(dirname(file), name);
    const isKept = name.startsWith(`${basename(file)}.replaced-`);
    if (isKept && statSync(path).ino === ino) remove(path);
  }
}

/** Never on the backup itself: opening it may already write to it. */
async function copy(backup: string, next: string): Promise<void> {
  for (const suffix of ['', ...logs]) {
    if (!existsSync(backup + suffix)) continue;
    const target = createWriteStream(next + suffix, { flags: 'wx', mode: 0o600 });
    await pipeline(createReadStream(backup + suffix), target);
  }
}

function bringUpToDate(next: string, backup: string, migrations: readonly Migration[]): void {
  change(next, (sqlite) => {
    // Leaves a single file, which alone is renamed.
    sqlite.pragma('journal_mode = DELETE');
    if (!isSound(sqlite)) throw damaged(backup);
    migrate(sqlite, backup, migrations);
  });
}

/** Ends all sessions and the log of events, so that every reader learns that it must load anew. */
function beginAnew(next: string, old: Sequences): void {
  change(next, (sqlite) => {
    sqlite.transaction(() => {
      sqlite.exec('delete from sessions; delete from events');
      moveSequences(sqlite, old);
      sqlite.prepare("insert into events (type, at) values ('restored', ?)").run(Date.now());
    })();
  });
}

/** Ids are never used again, also of what was made after the backup. */
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

function change(file: string, work: (sqlite: Database) => void): void {
  const sqlite = connect(file);
  try {
    work(sqlite);
  } finally {
    sqlite.close();
  }
}

/**
 * Moves the old database's log into it and shuts it: a process that still had it open would take
 * away the new one's log, which has the same name, when it leaves.
 */
function takeOver(file: string): Old {
  const nobody: Old = { sequences: new Map(), release: () => undefined };
  if (!existsSync(file) || !hasHeader(file)) return nobody;
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
    // What is left is damage, for which one restores: it is kept as it is.
    if (/CANTOPEN|READONLY|PERM|FULL/.test(code)) throw error;
    return nobody;
  }
}

/** Keeps the old database, with what there is of its logs, and renames the new one over it. */
function swap(file: string, next: string): string | undefined {
  const replaced = `${file}.replaced-${new Date().toISOString().replaceAll(':', '')}`;
  const kept = ['', ...logs].filter((suffix) => existsSync(file + suffix));
  for (const suffix of kept) linkSync(file + suffix, replaced + suffix);
  sync(dirname(file));
  // To SQLite a log belongs to whatever database has its name.
  for (const suffix of [...logs, '-shm']) rmSync(file + suffix, { force: true });
  renameSync(next, file);
  sync(dirname(file));
  return kept.includes('') ? replaced : undefined;
}
