import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { deleteEventsBefore, findNewestEvent, listOldest } from './queries.ts';

const day = 24 * 3_600_000;

/** The age limit of events, in ms, and the most events in the log. */
export const limits = { maxAge: 14 * day, maxCount: 500_000 };

/**
 * Deletes a portion of the events that are too old or too many; the newest event always stays.
 *
 * @param step how many events one step reads.
 * @returns whether there may be more to delete.
 */
export async function clearOldEvents(
  unit: Unit,
  { maxAge = limits.maxAge, maxCount = limits.maxCount, step = 200 } = {},
): Promise<boolean> {
  const newest = (await findNewestEvent(unit, {}))?.id ?? 0;
  const isExpired = ({ id, at }: { id: number; at: number }) =>
    id <= newest - maxCount || (at < unit.now - maxAge && id < newest);
  const isDone = await inSteps(unit, step, async (limit) => {
    const expired = (await listOldest(unit, { limit })).filter(isExpired);
    const last = expired.at(-1);
    if (last !== undefined) await deleteEventsBefore(unit, { id: last.id + 1 });
    return expired.length;
  });
  return !isDone;
}
