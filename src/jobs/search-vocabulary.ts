/**
 * Updates the vocabularies of the search: adds the words of new messages when the writer is idle,
 * and removes the words of deleted ones.
 */
import type { FastifyBaseLogger } from 'fastify';
import type { Store } from '../db/store.ts';
import { isOutdated } from '../search-index/state.ts';
import { listChatsAfter } from '../search-index/vocabulary/queries.ts';
import { forgetStaleWords, hasStaleWords } from '../search-index/vocabulary/stale.ts';
import { extendVocabularies } from '../search-index/vocabulary/vocabulary.ts';
import { inPortions } from './portions.ts';

/** How often a portion is done at least, in ms. Each is a commit, so not one per message. */
const interval = 5_000;

/** After this time without an event, in ms, more portions disturb nobody. */
const quiet = 200;

/** How many chats to check, and how many to extend, at a time. */
const checkLimit = 500;
const portionLimit = 100;

/**
 * The chats whose vocabularies may be behind. Events report new posts; earlier posts, and changes
 * by other processes, are found only by reading the database.
 */
export class ChatsBehind {
  readonly #db: Store;
  readonly #chats = new Set<number>();
  /** Chats up to this id have been checked; undefined when all have. */
  #checkedUpTo: number | undefined = 0;

  constructor(db: Store) {
    this.#db = db;
    db.onCommit((events, origin) => {
      if (origin === 'external') this.#checkedUpTo = 0;
      for (const { type, chatId } of events) {
        if (type === 'message' && chatId !== null) this.#chats.add(chatId);
      }
    });
  }

  /** Does a portion; returns whether there may be more to do now. */
  async extend(): Promise<boolean> {
    if (await this.#db.read(isOutdated, {})) return false;
    if (this.#chats.size < portionLimit) await this.#findBehind();
    const chatIds = [...this.#chats.values().take(portionLimit)];
    if (chatIds.length > 0) await this.#extend(chatIds);
    return this.#chats.size > 0 || this.#checkedUpTo !== undefined;
  }

  async #extend(chatIds: readonly number[]): Promise<void> {
    for (const chatId of chatIds) this.#chats.delete(chatId);
    let left = chatIds;
    try {
      left = await this.#db.write(extendVocabularies, { chatIds });
    } finally {
      for (const chatId of left) this.#chats.add(chatId);
    }
  }

  async #findBehind(): Promise<void> {
    if (this.#checkedUpTo === undefined) return;
    const found = await this.#db.read(listChatsAfter, {
      after: this.#checkedUpTo,
      limit: checkLimit,
    });
    for (const { chatId, isBehind } of found) if (isBehind) this.#chats.add(chatId);
    this.#checkedUpTo = found.length < checkLimit ? undefined : found.at(-1)?.chatId;
  }
}

/** Removes a portion of the deleted words; returns whether there may be more. */
async function forgetPortion(db: Store): Promise<boolean> {
  // A read costs no write.
  return (await db.read(hasStaleWords, {})) && (await db.write(forgetStaleWords, {}));
}

/** Extends all vocabularies that are behind, and removes all deleted words. */
export async function extendAll(db: Store): Promise<void> {
  const behind = new ChatsBehind(db);
  await inPortions(() => forgetPortion(db));
  await inPortions(() => behind.extend());
}

/**
 * Every few seconds removes deleted words and extends vocabularies: by one portion while people
 * post, and completely when nobody does.
 *
 * @returns stops it; resolves after the portion that is under way.
 */
export function startVocabularyUpdates(db: Store, log: FastifyBaseLogger): () => Promise<void> {
  const stopping = new AbortController();
  const behind = new ChatsBehind(db);
  let lastEvent = 0;
  let running: Promise<void> | undefined;
  db.onCommit((events) => {
    if (events.length > 0) lastEvent = performance.now();
  });
  const portion = async () => {
    const isStale = await forgetPortion(db);
    const isBehind = await behind.extend();
    return isStale || (isBehind && performance.now() - lastEvent > quiet);
  };
  const run = async () => {
    await inPortions(portion, stopping.signal).catch((error: unknown) => {
      log.warn({ err: error }, 'updating the search vocabularies failed; it will be tried again');
    });
    running = undefined;
  };
  const timer = setInterval(() => {
    running ??= run();
  }, interval).unref();
  return async () => {
    stopping.abort();
    clearInterval(timer);
    await running;
  };
}
