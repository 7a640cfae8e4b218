/**
 * Idempotency keys: a request that is sent again posts its message only once.
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */

import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { deleteOldKeys } from './queries.ts';

/** How long an Idempotency-Key is remembered, in ms. */
export const keyLifetime = 24 * 3_600_000;

/** The number of keys that one step deletes. */
const step = 200;

/**
 * Deletes a portion of the keys whose lifetime is over.
 *
 * @returns whether more may be left.
 */
export async function clearOldKeys(unit: Unit): Promise<boolean> {
  const before = unit.now - keyLifetime;
  const isDone = await inSteps(unit, step, async (limit) => {
    return (await deleteOldKeys(unit, { before, limit })).length;
  });
  return !isDone;
}
