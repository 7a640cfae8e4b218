/** Finishes what a rebuild of the search index has left to be done. */
import type { FastifyBaseLogger } from 'fastify';
import type { Store } from '../db/store.ts';
import { rebuildPortion } from '../search-index/rebuild.ts';
import { indexedFrom } from '../search-index/state.ts';
import { inPortions } from './portions.ts';

/** How long after the start it looks for an unfinished rebuild, and how often from then on, in ms. */
const settling = 1_000;
const interval = 600_000;

/**
 * Continues a rebuild until it is finished.
 *
 * @param signal ends it after the portion that is under way.
 */
export async function finishRebuild(db: Store, signal?: AbortSignal): Promise<void> {
  await inPortions(() => db.write(rebuildPortion, {}), signal);
}

/**
 * Finishes a rebuild that was interrupted, soon after the start and every ten minutes.
 *
 * @returns stops it; resolves after the portion that is under way.
 */
export function keepIndexed(db: Store, log: FastifyBaseLogger): () => Promise<void> {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const run = async () => {
    try {
      await rebuild(db, log, stopping.signal);
    } catch (error) {
      log.warn({ err: error }, 'rebuilding the search index failed, until the next time');
    }
    running = undefined;
  };
  const start = () => {
    if (running === undefined) running = run();
  };
  const first = setTimeout(start, settling).unref();
  const timer = setInterval(start, interval).unref();
  return async () => {
    stopping.abort();
    clearTimeout(first);
    clearInterval(timer);
    await running;
  };
}

async function rebuild(db: Store, log: FastifyBaseLogger, signal: AbortSignal): Promise<void> {
  if ((await db.read(indexedFrom, {})) === 0) return;
  log.info('rebuilding the search index: until it is done, searching takes longer');
  await finishRebuild(db, signal);
  if (!signal.aborted) log.info('the search index is rebuilt');
}
