/** Connections to the file, with all settings that keep its contents safe. */
import Database from 'better-sqlite3';

export type Connection = Database.Database;

/** How long a statement waits for another process's lock, in ms; this blocks the event loop. */
const busyTimeout = 250;

/** The WAL is cut back to this size after a checkpoint, in bytes. */
const logLimit = 64 * 1024 * 1024;

/**
 * How much of the file a connection caches in memory, in KiB; the driver's default is 16,000. A
 * writing connection slows down at 2,000, because its changes must fit until the commit. A reading
 * connection loses its cache whenever another connection has committed. But between two commits, a
 * search in 1,000 chats reads a page of each vocabulary: with 2,000 it takes twice as long.
 */
const writerCache = 8_000;
const readerCache = 8_000;

/**
 * Opens a connection for writing, with all settings that keep the file's contents safe.
 *
 * @param opened the connection is added to it.
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
  // better-sqlite3 sets NORMAL in WAL mode: a power cut could then lose acknowledged messages.
  connection.pragma('synchronous = FULL');
  connection.pragma('foreign_keys = ON');
  // Deleted data is overwritten: SQLite would leave it in the file's free space.
  connection.pragma('secure_delete = ON');
  connection.pragma('trusted_schema = OFF');
  connection.pragma('cell_size_check = ON');
  connection.pragma(`cache_size = ${-writerCache}`);
  connection.pragma(`journal_size_limit = ${logLimit}`);
  // SQLite ignores an automatic checkpoint that fails, and tries again: after a failed fsync, that
  // loses messages.
  connection.pragma('wal_autocheckpoint = 0');
  return connection;
}

/** Opens a connection for reading, as `connect` does. */
export function connectToRead(...args: Parameters<typeof connect>): Connection {
  return onlyRead(connect(...args));
}

function onlyRead(connection: Connection): Connection {
  connection.pragma('query_only = ON');
  connection.pragma(`cache_size = ${-readerCache}`);
  return connection;
}

/**
 * Opens the file for reading where there is not even room for the index of its WAL, which SQLite
 * keeps in memory for a connection that has the file to itself.
 */
export function connectInMemory(file: string, opened: Connection[] = []): Connection {
  const connection = new Database(file, { timeout: busyTimeout });
  opened.push(connection);
  // Before anything else: this decides where the index is.
  connection.pragma('locking_mode = EXCLUSIVE');
  return onlyRead(setUp(connection));
}
