/**
 * Posting once, however often it is tried:
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */

import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { forgetPosted } from './queries.ts';

/** An Idempotency-Key is remembered for so long, in ms. */
export const keyLifetime = 24 * 3_600_000;

/** How many are cleared away in one step. */
const step = 200;

/**
 * Clears away a portion of the keys that are no longer remembered.
 *
 * @returns whether there may be more to clear away.
 */
export async function clearOldKeys(unit: Unit): Promise<boolean> {
  const before = unit.now - keyLifetime;
  const isDone = await inSteps(unit, step, async (limit) => {
    return (await forgetPosted(unit, { before, limit })).length;
  });
  return !isDone;
}
