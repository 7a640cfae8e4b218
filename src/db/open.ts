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
  /** Refuses to create a database if there is none. */
  readonly mustExist?: boolean;
  /** The time in ms since 1970, for every date that mutations write. */
  readonly clock: () => number;
  /** See `WriterOptions`. */
  readonly ticks?: () => number;
  /** The writer thread's program; it uses the system clock. Without it, this thread writes. */
  readonly program?: Program;
  /** Receives the progress of an upgrade. */
  readonly report?: Report;
}

const standard: OpenOptions = { clock: Date.now, cacheBytes: 32 * 1024 * 1024 };

/**
 * Opens the database at `path` for this process only: creates it if it is missing (mode 0600),
 * migrates it, and returns it with one connection to write and one to read. If the disk is full,
 * the database can be read, and written once there is room.
 *
 * @throws OperatorError if the file is not ours, damaged, newer, in use, or cannot be written. The
 *   file is left untouched then, and no other file is left behind.
 */
export function openStore(path: string, given: Partial<OpenOptions> = {}): Store {
  const options = { ...standard, ...given };
  const place = claimLocation(path, options);
  const opened: Connection[] = [];
  try {
    // The unfinished copy of a compaction that was killed takes up room.
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

/**
 * Opens the file again, as if there had been room from the start. Throws NoSpaceError or whatever
 * else prevents it.
 */
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

/** Opens a file that only needs to be read. Throws NoSpaceError if it must be upgraded first. */
function openToRead(file: string, opened: Connection[] = []): Connection {
  const connection = connectInMemory(file, opened);
  if (!isCurrent(connection, file)) throw new NoSpaceError(file);
  return connection;
}

interface OpenedFile {
  readonly writer: Writer;
  readonly reader: Connection;
  /** Whether the contents of the WAL have been moved into the file. */
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
  // Only after the reader has read: the last connection to close removes the WAL.
  connection.close();
  return { writer, reader, isMoved };
}

/**
 * After a crash the WAL may stem from a disk that had failed: readable from memory, but not on
 * disk, and anything appended to it would be lost along with it. So nothing is written until there
 * is room to move it into the file.
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

/** Marks a new file as ours, or upgrades an older one. */
function prepareFile(writer: Connection, file: string): void {
  const isNew = writer.pragma('application_id', { simple: true }) === 0;
  // Before the switch to WAL, so that the mark is in the file itself from the start.
  if (isNew) writer.pragma(`application_id = ${applicationId}`);
  writer.pragma('journal_mode = WAL');
  migrate(writer, file);
}
