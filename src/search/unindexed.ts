/** Searches the messages themselves, where the index does not have them yet. */
import type { Snapshot } from '../db/query/query.ts';
import { hasTerms, type Term } from '../search-index/fts-query.ts';
import { listTextsBefore } from '../search-index/queries.ts';
import { foldedWords } from '../search-index/words.ts';
import type { Part } from './sweep.ts';

/** Messages of a chat that have not been searched yet: from `first` up to before `end`. */
export interface Rest {
  readonly chatId: number;
  readonly first: number;
  readonly end: number;
}

interface Options {
  readonly terms: readonly Term[];
  /** Only messages of this user, if given. */
  readonly senderId?: number | undefined;
}

/** The number of messages read at a time. */
const portion = 64;

/** Always continues with the chat that has the newest remaining messages. */
export class Unindexed implements Part {
  readonly #rests: Rest[];
  readonly #options: Options;

  /** @param rests ordered by their ends, newest first. */
  constructor(rests: readonly Rest[], options: Options) {
    this.#rests = [...rests];
    this.#options = options;
  }

  get reach(): number {
    return this.#rests[0]?.end ?? 0;
  }

  async advance(snapshot: Snapshot): Promise<number[]> {
    const rest = this.#rests.shift();
    if (rest === undefined) return [];
    const { chatId, first, end: before } = rest;
    const texts = await listTextsBefore(snapshot, { chatId, first, before, limit: portion });
    const last = texts.at(-1);
    if (last !== undefined && texts.length === portion) this.#insert({ ...rest, end: last.id });
    return texts.filter((text) => this.#fits(text)).map(({ id }) => id);
  }

  #insert(rest: Rest): void {
    const place = this.#rests.findIndex(({ end }) => end < rest.end);
    this.#rests.splice(place < 0 ? this.#rests.length : place, 0, rest);
  }

  #fits({ senderId, content }: { senderId: number; content: string }): boolean {
    const { terms, senderId: wanted = senderId } = this.#options;
    return senderId === wanted && hasTerms(foldedWords(content), terms);
  }
}
