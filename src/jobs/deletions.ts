/** Clears away what was deleted, soon after it was. */
import type { FastifyBaseLogger } from 'fastify';
import type { Store } from '../db/store.ts';
import type { CommittedEvent } from '../db/unit-of-work.ts';
import { findPending } from '../deletions/queries.ts';
import { clearDeleted } from './clear-deleted.ts';
import { inPortions } from './portions.ts';

/** The events of what may leave something to clear away. */
const leaving = new Set<CommittedEvent['type']>(['chat.deleted', 'message.deleted', 'user']);

/** Clears away all that was deleted, in portions. */
export async function clearAllDeleted(db: Store, signal?: AbortSignal): Promise<void> {
  // A look costs no write.
  if ((await db.read(findPending, {})) === undefined) return;
  await inPortions(() => db.write(clearDeleted, {}), signal);
}

/**
 * Clears away what is left of earlier, and then what commits leave, until it is stopped. After a
 * failure it goes on with the next commit that leaves something, or when the server tidies up.
 *
 * @returns stops it; resolves after the portion that is under way.
 */
export function keepClearing(db: Store, log: FastifyBaseLogger): () => Promise<void> {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let isAwake = false;
  const run = async () => {
    while (isAwake && !stopping.signal.aborted) {
      isAwake = false;
      await clearAllDeleted(db, stopping.signal).catch((error: unknown) => {
        log.warn({ err: error }, 'clearing away what was deleted failed, until the next time');
      });
    }
    running = undefined;
  };
  const wake = () => {
    isAwake = true;
    running ??= run();
  };
  db.onCommit((events, origin) => {
    if (origin === 'external' || events.some(({ type }) => leaving.has(type))) wake();
  });
  wake();
  return async () => {
    stopping.abort();
    await running;
  };
}
