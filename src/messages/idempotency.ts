/**
 * Posting once, however often it is tried:
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
import type { Unit } from '../db/commit.ts';
import { findNthKey, forgetPosted } from './queries.ts';

/** An Idempotency-Key is remembered for so long, in ms. */
export const keyLifetime = 24 * 3_600_000;

/** About so many are cleared away in one go, to keep it short. */
const portion = 1_000;

/**
 * Clears away a portion of the keys that are no longer remembered.
 *
 * @returns whether there may be more to clear away.
 */
export async function clearOldKeys(unit: Unit): Promise<boolean> {
  const limit = unit.now - keyLifetime;
  const last = await findNthKey(unit, { skipped: portion - 1 });
  const isMore = last !== undefined && last.createdAt < limit;
  await forgetPosted(unit, { before: isMore ? last.createdAt : limit });
  return isMore;
}
