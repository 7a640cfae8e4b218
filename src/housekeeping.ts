/** What is done again and again beside the requests. */
import type { FastifyBaseLogger } from 'fastify';
import type { Unit } from './db/commit.ts';
import type { Store } from './db/store.ts';
import { clearOldEvents } from './events/retention.ts';
import { deleteExpiredInvites } from './invites/queries.ts';
import { clearOldKeys } from './messages/idempotency.ts';
import { clearExpiredSessions } from './sessions/sessions.ts';

/** How often what has run out is cleared away, in ms. */
const tidying = 10 * 60_000;

/** How soon it is noticed what other processes have written, in ms. */
const noticing = 500;

/** Tidies up now and every ten minutes, until the function that it returns is called. */
export function keepTidy(db: Store, log: FastifyBaseLogger): () => void {
  const run = () => {
    tidyUp(db).catch((error: unknown) => log.error({ err: error }, 'tidying up failed'));
  };
  run();
  return repeat(run, tidying);
}

/** Looks twice a second for what other processes have written, as the operator's commands do. */
export function keepUp(db: Store, log: FastifyBaseLogger): () => void {
  const run = () => {
    db.catchUp().catch((error: unknown) => log.error({ err: error }, 'keeping up failed'));
  };
  return repeat(run, noticing);
}

function repeat(run: () => void, interval: number): () => void {
  const timer = setInterval(run, interval).unref();
  return () => clearInterval(timer);
}

/** Clears away all that has run out, a portion at a time, and the last traces of what was deleted. */
export async function tidyUp(db: Store): Promise<void> {
  await db.write(clearExpired, {});
  while (await db.write(clearOldKeys, {}));
  while (await db.write(clearOldEvents, {}));
  await db.compact();
}

async function clearExpired(unit: Unit): Promise<void> {
  await clearExpiredSessions(unit);
  await deleteExpiredInvites(unit, { now: unit.now });
}
