import type { Database, Statement } from 'better-sqlite3';

import { toOrm } from './orm.ts';
import type { Snapshot } from './query.ts';

/** Reads on a connection of its own: one after another, each on one snapshot of what is committed. */
export class Reader {
  readonly #snapshot: Snapshot;
  readonly #begin: Statement;
  readonly #end: Statement;
  #last: Promise<unknown> = Promise.resolve();

  constructor(sqlite: Database) {
    this.#snapshot = { orm: toOrm(sqlite) };
    this.#begin = sqlite.prepare('BEGIN');
    this.#end = sqlite.prepare('COMMIT');
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

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#last;
  }

  async #run<Input, Result>(
    query: (snapshot: Snapshot, input: Input) => Promise<Result>,
    input: Input,
  ): Promise<Result> {
    this.#begin.run();
    try {
      return await query(this.#snapshot, input);
    } finally {
      this.#end.run();
    }
  }
}
