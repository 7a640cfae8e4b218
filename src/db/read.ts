import type { Database, Statement } from 'better-sqlite3';
import { toOrm } from './query/orm.ts';
import type { Snapshot } from './query/query.ts';
import { LogPosition } from './writer/external-writes.ts';

interface ReadConnection {
  readonly sqlite: Database;
  readonly snapshot: Snapshot;
  readonly begin: Statement;
  readonly end: Statement;
}

function prepare(sqlite: Database): ReadConnection {
  return {
    sqlite,
    snapshot: { orm: toOrm(sqlite) },
    begin: sqlite.prepare('BEGIN'),
    end: sqlite.prepare('ROLLBACK'),
  };
}

/**
 * Reads on a connection of its own, one after another. All reads of a turn of the event loop see one
 * snapshot of what is committed, unless something is committed meanwhile: to begin and to end one
 * takes as long as to look up a row.
 */
export class Reader {
  #connection: ReadConnection;
  #last: Promise<unknown> = Promise.resolve();
  #isOutdated = false;

  constructor(sqlite: Database) {
    this.#connection = prepare(sqlite);
  }

  get file(): string {
    return this.#connection.sqlite.name;
  }

  /** Resolves with what `query` finds; all its statements see the same state. */
  read<Input, Result>(
    query: (snapshot: Snapshot, input: Input) => Promise<Result>,
    input: Input,
  ): Promise<Result> {
    const result = this.#last.then(() => this.#run(query, input));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Lets the reads that begin from now on see all that is committed by now. */
  renew(): void {
    this.#isOutdated = true;
  }

  /** Resolves when nothing waits any more, and no snapshot is held. */
  idle(): Promise<void> {
    return this.#last.then(() => this.release());
  }

  /** Reads by another connection from now on; the one so far is closed before that is opened. */
  replace(open: () => Database): Promise<void> {
    const replaced = this.idle().then(() => {
      this.close();
      this.#connection = prepare(open());
    });
    this.#last = replaced.catch(() => undefined);
    return replaced;
  }

  /** The id of the newest event in the file; 0 if there is none. */
  get newestEventId(): number {
    return new LogPosition(this.#connection.sqlite).newestId;
  }

  close(): void {
    this.#connection.sqlite.close();
  }

  /** Gives the snapshot up; to be called where no read is under way. */
  release(): void {
    const { sqlite, end } = this.#connection;
    if (sqlite.inTransaction) end.run();
  }

  #run<Input, Result>(
    query: (snapshot: Snapshot, input: Input) => Promise<Result>,
    input: Input,
  ): Promise<Result> {
    if (this.#isOutdated) this.release();
    if (!this.#connection.sqlite.inTransaction) this.#hold();
    return query(this.#connection.snapshot, input);
  }

  #hold(): void {
    this.#connection.begin.run();
    this.#isOutdated = false;
    setImmediate(() => this.idle());
  }
}
