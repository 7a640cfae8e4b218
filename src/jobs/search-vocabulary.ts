/**
 * Keeps the vocabularies of the search: extends them by what was posted, when nobody waits for the
 * writer, and takes out of them what was deleted.
 */
import type { FastifyBaseLogger } from 'fastify';
import type { Store } from '../db/store.ts';
import { isOutdated } from '../search-index/state.ts';
import { listChatsAfter } from '../search-index/vocabulary/queries.ts';
import { forgetStaleWords, hasStaleWords } from '../search-index/vocabulary/stale.ts';
import { extendVocabularies } from '../search-index/vocabulary/vocabulary.ts';
import { inPortions } from './portions.ts';

/** How often a portion is done at least, in ms. Each is a commit, so not after each message. */
const interval = 5_000;

/** After this time without an event, in ms, nobody minds more portions. */
const quiet = 200;

/** How many chats are looked at, and how many extended, at a time. */
const lookLimit = 500;
const portionLimit = 100;

/**
 * The chats whose vocabularies may be behind. Posts say so by their events; of what was there before,
 * or was changed by another process, only the database knows.
 */
export class ChatsBehind {
  readonly #db: Store;
  readonly #chats = new Set<number>();
  /** Chats up to this one were looked at; undefined when all were. */
  #looked: number | undefined = 0;

  constructor(db: Store) {
    this.#db = db;
    db.onCommit((events, origin) => {
      if (origin === 'external') this.#looked = 0;
      for (const { type, chatId } of events) {
        if (type === 'message' && chatId !== null) this.#chats.add(chatId);
      }
    });
  }

  /** Does a portion; returns whether there may be more to do now. */
  async extend(): Promise<boolean> {
    if (await this.#db.read(isOutdated, {})) return false;
    if (this.#chats.size < portionLimit) await this.#look();
    const chatIds = [...this.#chats.values().take(portionLimit)];
    if (chatIds.length > 0) await this.#extend(chatIds);
    return this.#chats.size > 0 || this.#looked !== undefined;
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

  async #look(): Promise<void> {
    if (this.#looked === undefined) return;
    const found = await this.#db.read(listChatsAfter, { after: this.#looked, limit: lookLimit });
    for (const { chatId, isBehind } of found) if (isBehind) this.#chats.add(chatId);
    this.#looked = found.length < lookLimit ? undefined : found.at(-1)?.chatId;
  }
}

/** Forgets a portion of what was deleted; returns whether there may be more. */
async function forget(db: Store): Promise<boolean> {
  // A look costs no write.
  return (await db.read(hasStaleWords, {})) && (await db.write(forgetStaleWords, {}));
}

/** Extends all vocabularies that are behind, and forgets all that was deleted. */
export async function extendAll(db: Store): Promise<void> {
  const behind = new ChatsBehind(db);
  await inPortions(() => forget(db));
  await inPortions(() => behind.extend());
}

/**
 * Every few seconds forgets what was deleted, and extends vocabularies: by one portion while people
 * post, and by all that is left when nobody does.
 *
 * @returns stops it; resolves after the portion that is under way.
 */
export function keepVocabularies(db: Store, log: FastifyBaseLogger): () => Promise<void> {
  const stopping = new AbortController();
  const behind = new ChatsBehind(db);
  let lastEvent = 0;
  let running: Promise<void> | undefined;
  db.onCommit((events) => {
    if (events.length > 0) lastEvent = performance.now();
  });
  const portion = async () => {
    const isStale = await forget(db);
    const isBehind = await behind.extend();
    return isStale || (isBehind && performance.now() - lastEvent > quiet);
  };
  const run = async () => {
    await inPortions(portion, stopping.signal).catch((error: unknown) => {
      log.warn(
        { err: error },
        'keeping the vocabularies of the search failed, until the next time',
      );
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
