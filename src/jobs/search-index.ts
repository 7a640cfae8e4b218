/** Continues an unfinished rebuild of the search index. */
import type { FastifyBaseLogger } from 'fastify';
import type { Store } from '../db/store.ts';
import { rebuildPortion } from '../search-index/rebuild.ts';
import { indexedFrom } from '../search-index/state.ts';
import { inPortions } from './portions.ts';

/**
 * How long after the start, and how often after that, to check for an unfinished rebuild, in ms.
 */
const startDelay = 1_000;
const interval = 600_000;

/**
 * Continues a rebuild until it is finished.
 *
 * @param signal stops it after the portion that is under way.
 */
export async function finishRebuild(db: Store, signal?: AbortSignal): Promise<void> {
  await inPortions(() => db.write(rebuildPortion, {}), signal);
}

/**
 * Continues an interrupted rebuild, soon after the start and every ten minutes.
 *
 * @returns stops it; resolves after the portion that is under way.
 */
export function startIndexRebuild(db: Store, log: FastifyBaseLogger): () => Promise<void> {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const run = async () => {
    try {
      await rebuild(db, log, stopping.signal);
    } catch (error) {
      log.warn({ err: error }, 'rebuilding the search index failed; it will be tried again');
    }
    running = undefined;
  };
  const start = () => {
    if (running === undefined) running = run();
  };
  const first = setTimeout(start, startDelay).unref();
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
  log.info('rebuilding the search index; searches take longer until it is done');
  await finishRebuild(db, signal);
  if (!signal.aborted) log.info('the search index is rebuilt');
}
