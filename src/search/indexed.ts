/** What the index knows of a search, block by block. */
import type { Snapshot } from '../db/query/query.ts';
import { listMatches } from '../search-index/queries.ts';
import type { Part } from './sweep.ts';

/** A run of messages of one chat: see blocks.ts. */
export interface Block {
  readonly chatId: number;
  readonly firstId: number;
  /** All of its messages that count are older than this id. */
  readonly end: number;
}

interface Options {
  /** The expression that finds in some blocks what is searched for. */
  readonly match: (blocks: readonly number[]) => string;
  /** How many hits are wanted. */
  readonly limit: number;
  /** Older messages do not count. */
  readonly floor: number;
}

/** How many blocks one statement searches: at first, and at most. */
const firstGroup = 2;
const largestGroup = 32;

/** A statement shall take about as long, in ms. */
const groupTime = 1;

/**
 * Searches blocks in the order of their ends. Chats overlap in time, so a block may have newer hits
 * than one that was searched before it. But no block that is left has a message as new as the `end` of
 * the first of them.
 */
export class Indexed implements Part {
  readonly #blocks: readonly Block[];
  readonly #options: Options;
  #next = 0;
  #group = firstGroup;

  /** @param blocks in the order of their ends, the newest first. */
  constructor(blocks: readonly Block[], options: Options) {
    this.#blocks = blocks;
    this.#options = options;
  }

  get reach(): number {
    return this.#blocks[this.#next]?.end ?? 0;
  }

  async advance(snapshot: Snapshot): Promise<number[]> {
    const { match, limit, floor } = this.#options;
    const group = this.#blocks.slice(this.#next, this.#next + this.#group);
    const started = performance.now();
    const found = await listMatches(snapshot, {
      match: match(group.map(({ firstId }) => firstId)),
      first: floor,
      before: this.reach,
      limit,
    });
    this.#next += group.length;
    const isQuick = performance.now() - started < groupTime;
    this.#group = isQuick ? Math.min(2 * this.#group, largestGroup) : Math.ceil(this.#group / 2);
    return found.map(({ id }) => id);
  }
}
