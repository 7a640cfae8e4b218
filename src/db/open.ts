import { closeSync, existsSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { StartError } from '../errors.ts';
import { keepPlaces, placesOf } from './faults.ts';
import { applicationId, checkHeader } from './header.ts';
import { lockFile, lockInstance } from './lock.ts';
import { migrate } from './migrate.ts';
import { Store, type StoreOptions } from './store.ts';
import { type Program, ThreadWriter } from './thread.ts';
import { OwnWriter } from './writer.ts';

export type Connection = Database.Database;

/** How long a statement waits for another process's lock, in ms; it holds up the event loop. */
const busyTimeout = 250;

/** The write-ahead log is cut back to this after a checkpoint, in bytes. */
const logLimit = 64 * 1024 * 1024;

/**
 * How much of the file a connection keeps in memory, in KiB; the driver's own number is 16,000. One
 * that writes slows down from 2,000 on, for what it changes must have room until the commit. One that
 * reads does not: SQLite drops all of it whenever another connection has committed.
 */
const writerCache = 8_000;
const readerCache = 2_000;

interface OpenOptions extends StoreOptions {
  /** The time in ms since 1970, for all that commands date. */
  readonly clock: () => number;
  /** Writes in a thread of its own, by the time of day; in this one if it is not given. */
  readonly program?: Program;
}

const standard: OpenOptions = { clock: Date.now, cacheBytes: 32 * 1024 * 1024 };

/**
 * Opens the database at `path` for this process alone: makes it if it is missing (mode 0600),
 * migrates it, and returns it with one connection to write and one to read.
 *
 * @throws StartError if the file is not ours, damaged, newer, in use, or cannot be written; it is
 *   left untouched then.
 */
export function openStore(path: string, options: Partial<OpenOptions> = {}): Store {
  const file = createFile(path);
  checkHeader(file);
  const lock = lockInstance(file);
  const opened: Connection[] = [];
  try {
    const writer = connect(file, opened);
    prepareFile(writer, file);
    const reader = connectToRead(file, opened);
    const { clock, program, cacheBytes } = { ...standard, ...options };
    const places = placesOf([file, `${file}-wal`, lockFile(file)]);
    if (program === undefined) {
      const own = new OwnWriter(writer, { clock, check: keepPlaces(places) });
      return new Store(own, reader, { cacheBytes }, lock.release);
    }
    const thread = new ThreadWriter(program, { file, places }, reader);
    // Not before the reader has read: the last one to close a file takes its log along.
    writer.close();
    return new Store(thread, reader, { cacheBytes }, lock.release);
  } catch (error) {
    for (const connection of opened) connection.close();
    lock.release();
    throw asStartError(error, file);
  }
}

/** Makes the folder and the files where they are missing; returns the database's one true name. */
function createFile(path: string): string {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    checkAbsent(path);
    closeSync(openSync(path, 'a', 0o600));
    const file = realpathSync(path);
    closeSync(openSync(lockFile(file), 'a', 0o600));
    return file;
  } catch (error) {
    throw asStartError(error, path);
  }
}

/** Where a server has been, a missing file is not a new one: nobody shall find an empty server. */
function checkAbsent(path: string): void {
  if (existsSync(path) || !existsSync(lockFile(path))) return;
  throw new StartError(
    `${path} is gone. Put it back, or restore a backup. To begin anew, delete ${lockFile(path)}.`,
  );
}

/**
 * A connection to write by, with all that keeps the file whole.
 *
 * @param opened collects it.
 * @param timeout how long a statement waits for another process's lock, in ms.
 */
export function connect(
  file: string,
  opened: Connection[] = [],
  timeout = busyTimeout,
): Connection {
  const connection = new Database(file, { timeout });
  opened.push(connection);
  // better-sqlite3 sets NORMAL in WAL mode: a power cut would then take acknowledged messages.
  connection.pragma('synchronous = FULL');
  connection.pragma('foreign_keys = ON');
  // What is deleted is overwritten: SQLite would leave it in the file's free space.
  connection.pragma('secure_delete = ON');
  connection.pragma('trusted_schema = OFF');
  connection.pragma('cell_size_check = ON');
  connection.pragma(`cache_size = ${-writerCache}`);
  connection.pragma(`journal_size_limit = ${logLimit}`);
  // SQLite ignores what fails there, and tries again: after an fsync that failed, that loses messages.
  connection.pragma('wal_autocheckpoint = 0');
  return connection;
}

/** A connection to read by, opened as `connect` does. */
export function connectToRead(...args: Parameters<typeof connect>): Connection {
  const connection = connect(...args);
  connection.pragma('query_only = ON');
  connection.pragma(`cache_size = ${-readerCache}`);
  return connection;
}

function prepareFile(writer: Connection, file: string): void {
  const isNew = writer.pragma('application_id', { simple: true }) === 0;
  // Before the file turns to WAL: so the mark is in the file itself from its first byte on.
  if (isNew) writer.pragma(`application_id = ${applicationId}`);
  writer.pragma('journal_mode = WAL');
  migrate(writer, file);
  // After a crash, the log may be of a disk that had failed: read from memory, not yet on the disk,
  // and what is appended to it would be lost along with it. Nothing builds on it.
  writer.pragma('wal_checkpoint(TRUNCATE)');
}

/** What the person who runs the program is told of an error of the database or its file. */
export function asStartError(error: unknown, file: string): unknown {
  const code = (error as { code?: string }).code ?? '';
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) {
    return new StartError(`${file} is damaged. Restore a backup.`);
  }
  if (/^SQLITE_(CANTOPEN|READONLY|PERM)|^E(ACCES|PERM|ROFS|NOENT|NOTDIR|ISDIR|EXIST)$/.test(code)) {
    return new StartError(`${file} cannot be written. Check its folder and who owns it.`);
  }
  if (code.startsWith('SQLITE_IOERR')) {
    return new StartError(`${file}: its disk fails (${code}). See what the system's log says.`);
  }
  return error;
}
