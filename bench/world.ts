/** The users, chats and messages that requests refer to, read from the database. */
import type { Database } from 'better-sqlite3';
import { wordsOf } from '../src/search-index/words.ts';
import type { Random } from './random.ts';

/** A user and one of their chats. */
export interface Place {
  readonly userId: number;
  readonly chatId: number;
}

/** A message's place and its distinct words, the most frequent ones first. */
export interface SampledMessage extends Place {
  readonly words: readonly string[];
}

interface Sample {
  /** Distinct messages drawn at random, each with a user who can find it. */
  readonly messages: readonly SampledMessage[];
  /** Those whose last word occurs in no other of them. */
  readonly rare: readonly SampledMessage[];
  /** The most frequent words. */
  readonly frequent: readonly string[];
}

/** How many messages are drawn, at most, to find the frequent words. */
const sampleSize = 20_000;

export class World {
  /** The memberships that requests are drawn from. */
  readonly places: readonly Place[];
  readonly #sqlite: Database;
  readonly #random: Random;
  readonly #middles = new Map<number, number>();
  #sample: Sample | undefined;

  /** @param isUsed chooses memberships; all of them by default. */
  constructor(sqlite: Database, random: Random, isUsed: (place: Place) => boolean = () => true) {
    this.#sqlite = sqlite;
    this.#random = random;
    this.places = sqlite
      .prepare<[], Place>('select user_id as userId, chat_id as chatId from memberships')
      .all()
      .filter(isUsed);
  }

  /** A message in the middle of a chat's history. */
  middleOf(chatId: number): number {
    const known = this.#middles.get(chatId);
    if (known !== undefined) return known;
    const edge = (order: string) =>
      `(select id from messages where chat_id = :chatId order by id ${order} limit 1)`;
    const middle = this.#sqlite
      .prepare<{ chatId: number }, number>(
        `select coalesce(min(id), 1) from messages
         where chat_id = :chatId and id >= (${edge('asc')} + ${edge('desc')}) / 2`,
      )
      .pluck()
      .get({ chatId });
    this.#middles.set(chatId, middle ?? 1);
    return middle ?? 1;
  }

  /** A sample of the messages in all chats. */
  get sample(): Sample {
    this.#sample ??= this.#takeSample();
    return this.#sample;
  }

  #takeSample(): Sample {
    const messages = this.#draw().map(({ content, ...place }) => ({
      ...place,
      words: [...new Set(wordsOf(content).map((word) => word.text))],
    }));
    const counts = new Map<string, number>();
    for (const word of messages.flatMap(({ words }) => words)) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    const often = (word: string) => counts.get(word) ?? 0;
    const byCount = (a: string, b: string) => often(b) - often(a);
    for (const { words } of messages) words.sort(byCount);
    return {
      messages: messages.filter(({ words }) => words.length > 0),
      rare: messages.filter(({ words }) => often(words.at(-1) ?? '') === 1),
      frequent: [...counts.keys()].sort(byCount).slice(0, 20),
    };
  }

  /** Draws no message twice, because its words would look frequent. */
  #draw() {
    const read = this.#sqlite.prepare<[number], Place & { content: string }>(
      `select m.chat_id as chatId, m.content, s.user_id as userId from messages m
       join memberships s on s.chat_id = m.chat_id where m.id = ? limit 1`,
    );
    const { oldest, newest } = this.#ends();
    const draw = () => oldest + this.#random.below(newest - oldest + 1);
    return [...new Set(Array.from({ length: sampleSize }, draw))]
      .map((id) => read.get(id))
      .filter((message) => message !== undefined);
  }

  /** The ids of the first message and the last. */
  #ends(): { oldest: number; newest: number } {
    const end = (which: string) =>
      this.#sqlite.prepare<[], number>(`select ${which}(id) from messages`).pluck().get() ?? 1;
    return { oldest: end('min'), newest: end('max') };
  }
}
