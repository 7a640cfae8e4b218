/** Collects the newest hits from several parts of the messages. */
import type { Snapshot } from '../db/query/query.ts';

/** Messages that are searched in portions, roughly from the newest to the oldest. */
export interface Part {
  /** All hits from this id on have been returned; 0 when the part is finished. */
  readonly reach: number;
  /** Searches a portion and returns the ids of its hits. Some below `reach` may be missing. */
  advance(snapshot: Snapshot): Promise<readonly number[]>;
}

export class Sweep {
  readonly #parts: readonly Part[];
  readonly #limit: number;
  readonly #start: number;
  /** The newest hits so far, newest first. */
  #found: readonly number[] = [];

  /**
   * @param parts newest first: all messages of a part are newer than those of the next one.
   * @param limit the maximum number of hits.
   */
  constructor(parts: readonly Part[], limit: number) {
    this.#parts = parts;
    this.#limit = limit;
    this.#start = this.reach;
  }

  /** All hits from this id on are known; 0 when the search is complete. */
  get reach(): number {
    return this.#current?.reach ?? 0;
  }

  /** Whether continuing from `reach` leaves less to do than this search had. */
  get hasAdvanced(): boolean {
    return this.reach < this.#start;
  }

  get isDone(): boolean {
    return this.#current === undefined || this.hits.length === this.#limit;
  }

  /** The hits down to `reach`, among which none can be missing, newest first. */
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
