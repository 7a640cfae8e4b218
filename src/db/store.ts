import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { Refusal } from '../errors.ts';
import { type Command, Committer, type EventRow, type Origin } from './commit.ts';
import type { Snapshot } from './query.ts';
import { Reader } from './read.ts';

type Listener = (events: readonly EventRow[], origin: Origin) => void;

/** The database as the rest of the program knows it: one way to write, one way to read. */
export class Store {
  readonly #writer: Database;
  readonly #reader: Database;
  readonly #release: () => void;
  readonly #committer: Committer;
  readonly #reads: Reader;
  readonly #listeners = new Set<Listener>();
  #closed = false;

  constructor(writer: Database, reader: Database, clock: () => number, release: () => void) {
    this.#writer = writer;
    this.#reader = reader;
    this.#release = release;
    this.#reads = new Reader(reader);
    this.#committer = new Committer(writer, clock, (events, origin) => {
      for (const listener of this.#listeners) listener(events, origin);
    });
  }

  /**
   * Runs a command as one unit of work and resolves with its result once it is on the disk.
   *
   * @throws Refusal what the command throws; `busy` if too many wait or another program holds the
   *   file, `disk_full`, `stopping`.
   */
  async write<Input, Result>(command: Command<Input, Result>, input: Input): Promise<Result> {
    if (this.#closed) throw new Refusal('stopping');
    try {
      return await this.#committer.write(command, input);
    } catch (error) {
      throw asRefusal(error);
    }
  }

  /** Runs a query on one snapshot of what is committed. */
  async read<Input, Result>(
    query: (snapshot: Snapshot, input: Input) => Promise<Result>,
    input: Input,
  ): Promise<Result> {
    if (this.#closed) throw new Refusal('stopping');
    return this.#reads.read(query, input);
  }

  /**
   * Calls `listener` after each commit, before its writes are acknowledged, with its events. It is
   * called as well for what other processes have committed: then `origin` is `elsewhere`, and what
   * they have changed may be more than the events say.
   */
  onCommit(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** Tells the listeners at once of what other processes have committed, if they have. */
  async catchUp(): Promise<void> {
    if (!this.#closed) await this.#committer.catchUp();
  }

  /**
   * Moves the log into the file and empties it, so that what was deleted is overwritten there too.
   * Takes as long as writing and syncing what the log holds.
   *
   * @throws Error if another process reads the file at that moment.
   */
  async compact(): Promise<void> {
    // Commands and queries await nothing but the database: in a new turn none of them is under way.
    await nextTurn();
    if (this.#closed) return;
    const [{ busy }] = this.#writer.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
    if (busy !== 0) throw new Error('the log could not be emptied: somebody reads it');
  }

  /** Finishes what waits, moves the log into the file, and gives the file up. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([this.#committer.idle(), this.#reads.idle()]);
    this.#reader.close();
    this.#writer.close();
    this.#release();
  }
}

/** What the person who waits is told of a trouble that is not of their making. */
function asRefusal(error: unknown): unknown {
  const code = (error as { code?: string } | undefined)?.code ?? '';
  if (code === 'SQLITE_FULL') return new Refusal('disk_full');
  // Another program holds the file, longer than we wait for it.
  if (code.startsWith('SQLITE_BUSY')) return new Refusal('busy');
  return error;
}
