/** Work that is repeated independently of requests. */
import type { FastifyBaseLogger } from 'fastify';
import { clearOldCopies } from '../db/file/upgrade.ts';
import type { Store } from '../db/store.ts';
import { clearOldEvents } from '../event-log/retention.ts';
import { clearExpiredInvites } from '../invites/invites.ts';
import { clearOldKeys } from '../messages/idempotency.ts';
import { clearOldNetworks } from '../sessions/networks.ts';
import { clearExpiredSessions } from '../sessions/sessions.ts';
import { backfillSkeletons, clearHeldNames } from '../users/taken-names.ts';
import { clearAllDeleted } from './deletions.ts';
import { inPortions } from './portions.ts';

const hour = 3_600_000;

/** How often expired rows are deleted, in ms. */
const maintenanceInterval = hour / 6;

/**
 * When maintenance first runs after the start, in ms: clients that waited for the start come first.
 */
const startDelay = 1_000;

/** How often to check for writes of other processes, in ms. */
const pollInterval = 500;

/** Snug did not exist before this: an earlier time means a wrong clock. In ms since 1970. */
const earliest = Date.UTC(2026, 0);

/**
 * Runs maintenance soon after the start and every ten minutes.
 *
 * @param file the database, next to which old copies may lie.
 * @returns stops it.
 */
export function startMaintenance(db: Store, log: FastifyBaseLogger, file: string): () => void {
  const isTimeSure = clockGuard(Date.now, () => performance.now());
  const run = () => {
    const isSure = isTimeSure();
    Promise.all([runMaintenance(db, isSure), isSure && clearCopies(file, log)]).catch(
      (error: unknown) => {
        // A backup that is reading at that moment is a sufficient reason.
        log.warn({ err: error }, 'maintenance failed; it will be tried again');
      },
    );
  };
  const first = setTimeout(run, startDelay).unref();
  const stop = repeat(run, maintenanceInterval);
  return () => {
    clearTimeout(first);
    stop();
  };
}

async function clearCopies(file: string, log: FastifyBaseLogger): Promise<void> {
  const copies = await clearOldCopies(file, Date.now());
  if (copies.length > 0) log.info({ copies }, 'old copies from upgrades were removed');
}

/** Checks twice a second for writes of other processes, such as operator commands. */
export function pollExternalWrites(db: Store, log: FastifyBaseLogger): () => void {
  const run = () => {
    db.catchUp().catch((error: unknown) =>
      log.error({ err: error }, 'checking for external writes failed'),
    );
  };
  return repeat(run, pollInterval);
}

function repeat(run: () => void, interval: number): () => void {
  const timer = setInterval(run, interval).unref();
  return () => clearInterval(timer);
}

/**
 * Compares the wall clock, which may be changed, with a monotonic one. A machine without a
 * battery-backed clock only learns the time some while after its start, and a time far in the
 * future would make everything look expired: what is deleted then stays deleted when the time is
 * right again. So the time counts as certain after an hour without a jump. That is no proof; but by
 * then the network has provided the time, or nobody has noticed for an hour.
 *
 * @param wall in ms since 1970.
 * @param steady in ms since any moment.
 * @returns a function that returns whether the time is certain; it sees only jumps between its
 *   calls.
 */
export function clockGuard(wall: () => number, steady: () => number): () => boolean {
  let offset = wall() - steady();
  let since = steady();
  return () => {
    const now = wall() - steady();
    if (Math.abs(now - offset) > hour) {
      offset = now;
      since = steady();
    }
    return steady() - since >= hour && wall() >= earliest;
  };
}

/**
 * Deletes all that has expired, and the last traces of deleted items.
 *
 * @param isTimeSure whether to delete what has expired by the clock.
 */
export async function runMaintenance(db: Store, isTimeSure = true): Promise<void> {
  await clearAllDeleted(db);
  await inPortions(() => db.write(backfillSkeletons, {}));
  if (isTimeSure) {
    await inPortions(() => db.write(clearExpiredInvites, {}));
    await inPortions(() => db.write(clearHeldNames, {}));
    await inPortions(() => db.write(clearExpiredSessions, {}));
    await inPortions(() => db.write(clearOldNetworks, {}));
    // The sessions' dates have changed.
    db.clearCache();
    await inPortions(() => db.write(clearOldKeys, {}));
  }
  const ages = isTimeSure ? {} : { maxAge: Number.POSITIVE_INFINITY };
  await inPortions(() => db.write(clearOldEvents, ages));
  await db.checkpoint();
}
