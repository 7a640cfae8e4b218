/** Connections to the file, with all that keeps it whole. */
import Database from 'better-sqlite3';

export type Connection = Database.Database;

/** How long a statement waits for another process's lock, in ms; it holds up the event loop. */
const busyTimeout = 250;

/** The write-ahead log is cut back to this after a checkpoint, in bytes. */
const logLimit = 64 * 1024 * 1024;

/**
 * How much of the file a connection keeps in memory, in KiB; the driver's own number is 16,000. One
 * that writes slows down from 2,000 on, for what it changes must have room until the commit. One that
 * reads loses all of it whenever another connection has committed. But between two commits a search in
 * 1,000 chats reads a page of each vocabulary: with 2,000 it takes twice as long.
 */
const writerCache = 8_000;
const readerCache = 8_000;

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
  return setUp(connection);
}

function setUp(connection: Connection): Connection {
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
  return onlyRead(connect(...args));
}

function onlyRead(connection: Connection): Connection {
  connection.pragma('query_only = ON');
  connection.pragma(`cache_size = ${-readerCache}`);
  return connection;
}

/**
 * Opens the file to read where there is not even room for the index of its log, which SQLite keeps
 * in memory for a connection that has the file for itself.
 */
export function connectInMemory(file: string, opened: Connection[] = []): Connection {
  const connection = new Database(file, { timeout: busyTimeout });
  opened.push(connection);
  // Before anything else: it decides where the index is.
  connection.pragma('locking_mode = EXCLUSIVE');
  return onlyRead(setUp(connection));
}
