/** Collecting the newest hits from several parts of the messages. */
import type { Snapshot } from '../db/query/query.ts';

/** Messages that are searched in portions, roughly from the newest to the oldest. */
export interface Part {
  /** From this id on, all hits were given; 0 when the part is finished. */
  readonly reach: number;
  /** Searches a portion and returns the ids of its hits. Below `reach` others may be missing. */
  advance(snapshot: Snapshot): Promise<readonly number[]>;
}

export class Sweep {
  readonly #parts: readonly Part[];
  readonly #limit: number;
  readonly #start: number;
  /** The newest that were found, newest first. */
  #found: readonly number[] = [];

  /**
   * @param parts the newest first: each is newer than all of the next one.
   * @param limit how many hits are wanted.
   */
  constructor(parts: readonly Part[], limit: number) {
    this.#parts = parts;
    this.#limit = limit;
    this.#start = this.reach;
  }

  /** From this id on all hits are known; 0 when all are. */
  get reach(): number {
    return this.#current?.reach ?? 0;
  }

  /** Whether a search that continues from `reach` has less to do than this one had. */
  get hasAdvanced(): boolean {
    return this.reach < this.#start;
  }

  get isDone(): boolean {
    return this.#current === undefined || this.hits.length === this.#limit;
  }

  /** The newest hits that are known to be complete, newest first. */
  get hits(): readonly number[] {
    return this.#found.filter((id) => id >= this.reach);
  }

  async advance(snapshot: Snapshot): Promise<void> {
    const ids = (await this.#current?.advance(snapshot)) ?? [];
    if (ids.length === 0) return;
    const all = [...this.#found, ...ids].sort((one, other) => other - one);
    this.#found = all.slice(0, this.#limit);
  }

  get #current(): Part | undefined {
    return this.#parts.find(({ reach }) => reach > 0);
  }
}
