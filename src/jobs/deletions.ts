/** Deletes the remaining rows of deleted items, soon after the deletion. */
import type { FastifyBaseLogger } from 'fastify';
import type { Store } from '../db/store.ts';
import type { CommittedEvent } from '../db/unit-of-work.ts';
import { findPending } from '../deletions/queries.ts';
import { clearDeleted } from './clear-deleted.ts';
import { inPortions } from './portions.ts';

/** The types of events that may leave rows to delete. */
const typesWithRest = new Set<CommittedEvent['type']>(['chat.deleted', 'message.deleted', 'user']);

/** Deletes all remaining rows, in portions. */
export async function clearAllDeleted(db: Store, signal?: AbortSignal): Promise<void> {
  // A read costs no write.
  if ((await db.read(findPending, {})) === undefined) return;
  await inPortions(() => db.write(clearDeleted, {}), signal);
}

/**
 * Deletes what earlier runs have left, and then what commits leave, until it is stopped. After a
 * failure it continues with the next such commit, or at the next maintenance.
 *
 * @returns stops it; resolves after the portion that is under way.
 */
export function startDeletions(db: Store, log: FastifyBaseLogger): () => Promise<void> {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let isAwake = false;
  const run = async () => {
    while (isAwake && !stopping.signal.aborted) {
      isAwake = false;
      await clearAllDeleted(db, stopping.signal).catch((error: unknown) => {
        log.warn(
          { err: error },
          'deleting the rest of deleted items failed; it will be tried again',
        );
      });
    }
    running = undefined;
  };
  const wake = () => {
    isAwake = true;
    running ??= run();
  };
  db.onCommit((events, origin) => {
    if (origin === 'external' || events.some(({ type }) => typesWithRest.has(type))) wake();
  });
  wake();
  return async () => {
    stopping.abort();
    await running;
  };
}
