/** What is done again and again beside the requests. */
import type { FastifyBaseLogger } from 'fastify';
import { clearOldCopies } from '../db/file/upgrade.ts';
import type { Store } from '../db/store.ts';
import { clearOldEvents } from '../event-log/retention.ts';
import { clearExpiredInvites } from '../invites/invites.ts';
import { clearOldKeys } from '../messages/idempotency.ts';
import { clearOldNetworks } from '../sessions/networks.ts';
import { clearExpiredSessions } from '../sessions/sessions.ts';
import { clearHeldNames, noteOldNames } from '../users/taken-names.ts';
import { clearAllDeleted } from './deletions.ts';
import { inPortions } from './portions.ts';

const hour = 3_600_000;

/** How often what has run out is cleared away, in ms. */
const maintenanceInterval = hour / 6;

/** How long after the start for the first time, in ms: whoever waits for the start goes first. */
const startDelay = 1_000;

/** How soon it is noticed what other processes have written, in ms. */
const pollInterval = 500;

/** There was no Snug before this: a clock that shows less is wrong, in ms since 1970. */
const earliest = Date.UTC(2026, 0);

/**
 * Tidies up soon and every ten minutes, until the function that it returns is called.
 *
 * @param file the database, next to which old copies may lie.
 */
export function startMaintenance(db: Store, log: FastifyBaseLogger, file: string): () => void {
  const isTimeSure = clockGuard(Date.now, () => performance.now());
  const run = () => {
    const isSure = isTimeSure();
    Promise.all([runMaintenance(db, isSure), isSure && clearCopies(file, log)]).catch(
      (error: unknown) => {
        // A backup that reads at that moment is reason enough.
        log.warn({ err: error }, 'maintenance failed, until the next time');
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
  if (copies.length > 0) log.info({ copies }, 'copies of before an upgrade were removed');
}

/** Looks twice a second for what other processes have written, as the operator's commands do. */
export function pollExternalWrites(db: Store, log: FastifyBaseLogger): () => void {
  const run = () => {
    db.catchUp().catch((error: unknown) => log.error({ err: error }, 'keeping up failed'));
  };
  return repeat(run, pollInterval);
}

function repeat(run: () => void, interval: number): () => void {
  const timer = setInterval(run, interval).unref();
  return () => clearInterval(timer);
}

/**
 * Compares the clock of the wall, which may be set, with one that only goes on. A machine without a
 * clock of its own knows the time only some time after its start, and a time far ahead would make
 * everything look expired: what is deleted then stays deleted when the time is right again. So the
 * time counts as sure after an hour without a jump. That is no proof; but by then the network has
 * told the time, or nobody has noticed for an hour.
 *
 * @param wall in ms since 1970.
 * @param steady in ms since whenever.
 * @returns a function that tells whether the time is sure; it only sees the jumps between its calls.
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
 * Clears away all that has run out, and the last traces of what was deleted.
 *
 * @param isTimeSure whether to clear what is over by the clock.
 */
export async function runMaintenance(db: Store, isTimeSure = true): Promise<void> {
  await clearAllDeleted(db);
  await inPortions(() => db.write(noteOldNames, {}));
  if (isTimeSure) {
    await inPortions(() => db.write(clearExpiredInvites, {}));
    await inPortions(() => db.write(clearHeldNames, {}));
    await inPortions(() => db.write(clearExpiredSessions, {}));
    await inPortions(() => db.write(clearOldNetworks, {}));
    // Sessions have new dates.
    db.clearCache();
    await inPortions(() => db.write(clearOldKeys, {}));
  }
  const ages = isTimeSure ? {} : { maxAge: Number.POSITIVE_INFINITY };
  await inPortions(() => db.write(clearOldEvents, ages));
  await db.checkpoint();
}
