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
 * Reads on a connection of its own, one read after another. All reads of one turn of the event loop
 * share a snapshot of what is committed, until something is committed: opening and closing a
 * snapshot takes as long as looking up a row.
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

  /** Resolves with the result of `query`; all its statements see the same state. */
  read<Input, Result>(
    query: (snapshot: Snapshot, input: Input) => Promise<Result>,
    input: Input,
  ): Promise<Result> {
    const result = this.#last.then(() => this.#run(query, input));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Makes every read that starts from now on see everything committed so far. */
  renew(): void {
    this.#isOutdated = true;
  }

  /** Resolves when no read is waiting and no snapshot is held. */
  idle(): Promise<void> {
    return this.#last.then(() => this.release());
  }

  /**
   * Reads on another connection from now on; the current one is closed before the new one is
   * opened.
   */
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

  /** Releases the snapshot; call it only when no read is under way. */
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
