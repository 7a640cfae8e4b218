import { unfinishedCopy } from './admin/compact.ts';
import { type Connection, connect, connectInMemory, connectToRead } from './file/connection.ts';
import { isOutOfSpace, NoSpaceError } from './file/disk-space.ts';
import { remove } from './file/files.ts';
import { applicationId } from './file/header.ts';
import { claimLocation, type Location } from './file/location.ts';
import { lockFile } from './file/lock.ts';
import { isCurrent, migrate } from './file/migrate.ts';
import { toOperatorError } from './file/operator-errors.ts';
import { identitiesOf, unmovedCheck } from './file/sqlite-errors.ts';
import { type Report, upgrade } from './file/upgrade.ts';
import { Reader } from './read.ts';
import { Store, type StoreOptions } from './store.ts';
import { LateWriter } from './writer/late-writer.ts';
import { SqliteWriter, type Writer } from './writer/sqlite-writer.ts';
import { type Program, WorkerWriter } from './writer/worker-writer.ts';

interface OpenOptions extends StoreOptions {
  /** Refuses to make a database where there is none. */
  readonly mustExist?: boolean;
  /** The time in ms since 1970, for all that commands date. */
  readonly clock: () => number;
  /** See `WriterOptions`. */
  readonly ticks?: () => number;
  /** Writes in a thread of its own, by the time of day; in this one if it is not given. */
  readonly program?: Program;
  /** Is told how an upgrade goes. */
  readonly report?: Report;
}

const standard: OpenOptions = { clock: Date.now, cacheBytes: 32 * 1024 * 1024 };

/**
 * Opens the database at `path` for this process alone: makes it if it is missing (mode 0600),
 * migrates it, and returns it with one connection to write and one to read. Where the disk is full,
 * it is read, and written once there is room.
 *
 * @throws OperatorError if the file is not ours, damaged, newer, in use, or cannot be written; it is
 *   left untouched then, and nothing else is left.
 */
export function openStore(path: string, given: Partial<OpenOptions> = {}): Store {
  const options = { ...standard, ...given };
  const place = claimLocation(path, options);
  const opened: Connection[] = [];
  try {
    // What a compaction that was killed has left takes room.
    remove(unfinishedCopy(place.file));
    upgrade(place.file, options.report ?? (() => undefined));
    return openPlace(place, options, opened);
  } catch (error) {
    for (const connection of opened) connection.close();
    place.undo();
    throw toOperatorError(error, place.file);
  }
}

function openPlace(place: Location, options: OpenOptions, opened: Connection[]): Store {
  const { file, isNew, release } = place;
  const toStore = (writer: Writer, reads: Reader, isFull = false) =>
    new Store(writer, reads, { ...options, isFull, isNew }, release);
  try {
    const { writer, reader, isMoved } = openFile(file, options, opened);
    const reads = new Reader(reader);
    if (isMoved) return toStore(writer, reads);
    return toStore(new LateWriter(file, writer), reads, true);
  } catch (error) {
    if (isNew || !isOutOfSpace(error, file)) throw error;
    for (const connection of opened.splice(0)) connection.close();
    const reads = new Reader(openToRead(file, opened));
    const late = new LateWriter(file, () => reopen(file, options, reads));
    return toStore(late, reads, true);
  }
}

/** Opens the file anew as it is opened where there is room. Throws NoSpaceError or what else prevents it. */
async function reopen(file: string, options: OpenOptions, reads: Reader): Promise<Writer> {
  const opened: Connection[] = [];
  let outcome: { writer: Writer } | { error: unknown } | undefined;
  await reads.replace(() => {
    try {
      const { writer, reader } = openFile(file, options, opened);
      outcome = { writer };
      return reader;
    } catch (error) {
      for (const connection of opened) connection.close();
      outcome = { error };
      return openToRead(file);
    }
  });
  if (outcome === undefined || 'error' in outcome) throw outcome?.error;
  return outcome.writer;
}

/** Opens a file that only needs to be read. Throws NoSpaceError where it must be brought up to date first. */
function openToRead(file: string, opened: Connection[] = []): Connection {
  const connection = connectInMemory(file, opened);
  if (!isCurrent(connection, file)) throw new NoSpaceError(file);
  return connection;
}

interface OpenedFile {
  readonly writer: Writer;
  readonly reader: Connection;
  /** Whether what the log held has been moved into the file. */
  readonly isMoved: boolean;
}

function openFile(
  file: string,
  { clock, ticks, program }: OpenOptions,
  opened: Connection[] = [],
): OpenedFile {
  const connection = connect(file, opened);
  prepareFile(connection, file);
  const isMoved = checkpoint(connection, file);
  const reader = connectToRead(file, opened);
  const identities = identitiesOf([file, `${file}-wal`, lockFile(file)]);
  if (program === undefined) {
    const writer = new SqliteWriter(connection, { clock, ticks, check: unmovedCheck(identities) });
    return { writer, reader, isMoved };
  }
  const writer = new WorkerWriter(program, { file, identities }, reader);
  // Not before the reader has read: the last one to close a file takes its log along.
  connection.close();
  return { writer, reader, isMoved };
}

/**
 * After a crash, the log may be of a disk that had failed: read from memory, not yet on the disk,
 * and what is appended to it would be lost along with it. Nothing builds on it: until there is room
 * to move it, nothing is written.
 *
 * @returns whether there was room.
 */
function checkpoint(connection: Connection, file: string): boolean {
  try {
    connection.pragma('wal_checkpoint(TRUNCATE)');
    return true;
  } catch (error) {
    if (isOutOfSpace(error, file)) return false;
    throw error;
  }
}

/** Marks a new file as ours, brings an older one up to date. */
function prepareFile(writer: Connection, file: string): void {
  const isNew = writer.pragma('application_id', { simple: true }) === 0;
  // Before the file turns to WAL: so the mark is in the file itself from its first byte on.
  if (isNew) writer.pragma(`application_id = ${applicationId}`);
  writer.pragma('journal_mode = WAL');
  migrate(writer, file);
}
