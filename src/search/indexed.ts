/** Searches the index, block by block. */
import type { Snapshot } from '../db/query/query.ts';
import { listMatches } from '../search-index/queries.ts';
import type { Part } from './sweep.ts';

/** Consecutive messages of one chat: see blocks.ts. */
export interface Block {
  readonly chatId: number;
  readonly firstId: number;
  /** Only its messages older than this id count. */
  readonly end: number;
}

interface Options {
  /** The FTS5 expression for a search in some blocks. */
  readonly match: (blocks: readonly number[]) => string;
  /** The maximum number of hits. */
  readonly limit: number;
  /** Messages older than this id do not count. */
  readonly floor: number;
}

/** The number of blocks that one statement searches: at first, and at most. */
const firstGroup = 2;
const largestGroup = 32;

/** The target time of one statement, in ms. */
const groupTime = 1;

/**
 * Searches blocks in the order of their ends. Chats overlap in time, so a block may have newer hits
 * than one that was searched before it. But all messages of the remaining blocks are older than the
 * `end` of the first of them.
 */
export class Indexed implements Part {
  readonly #blocks: readonly Block[];
  readonly #options: Options;
  #next = 0;
  #group = firstGroup;

  /** @param blocks ordered by their ends, newest first. */
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
