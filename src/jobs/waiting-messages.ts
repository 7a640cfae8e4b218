/** Indexes new messages for the search, many at a time. */
import type { FastifyBaseLogger } from 'fastify';
import type { Store } from '../db/store.ts';
import { isOutdated } from '../search-index/state.ts';
import { indexWaiting } from '../search-index/waiting.ts';
import { inPortions } from './portions.ts';

/** As soon as this many messages wait, they are indexed: a search reads each of them. */
const most = 256;

/** Fewer are indexed after this time without a new one, in ms. */
const quiet = 1_000;

/** Indexes all messages that wait. */
export async function indexAllWaiting(db: Store, signal?: AbortSignal): Promise<void> {
  const portion = async () =>
    !(await db.read(isOutdated, {})) && !(await db.write(indexWaiting, {}));
  await inPortions(portion, signal);
}

/**
 * Indexes new messages when there are many, or when nobody posts for a while; first those that
 * waited at the last stop.
 *
 * @returns stops it; resolves after the portion that is under way.
 */
export function startIndexing(db: Store, log: FastifyBaseLogger): () => Promise<void> {
  const stopping = new AbortController();
  let waiting = 0;
  let running: Promise<void> | undefined;
  const run = async () => {
    waiting = 0;
    await indexAllWaiting(db, stopping.signal).catch((error: unknown) => {
      log.warn({ err: error }, 'indexing new messages failed; it will be tried again');
    });
    running = undefined;
  };
  const start = () => {
    running ??= run();
  };
  const timer = setTimeout(start, quiet).unref();
  db.onCommit((events) => {
    const posted = events.filter(({ type }) => type === 'message').length;
    if (posted === 0 || stopping.signal.aborted) return;
    waiting += posted;
    timer.refresh();
    if (waiting >= most) start();
  });
  return async () => {
    stopping.abort();
    clearTimeout(timer);
    await running;
  };
}
