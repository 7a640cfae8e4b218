import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { deleteEventsBefore, findNewestEvent, listOldest } from './queries.ts';

const day = 24 * 3_600_000;

/** How long events are kept, in ms, and how many of them at the most. */
export const limits = { maxAge: 14 * day, maxCount: 500_000 };

/**
 * Clears away a portion of what is too old or too much in the log; the newest event always stays.
 *
 * @param step how many are looked at in one step.
 * @returns whether there may be more to clear away.
 */
export async function clearOldEvents(
  unit: Unit,
  { maxAge = limits.maxAge, maxCount = limits.maxCount, step = 200 } = {},
): Promise<boolean> {
  const newest = (await findNewestEvent(unit, {}))?.id ?? 0;
  const isOver = ({ id, at }: { id: number; at: number }) =>
    id <= newest - maxCount || (at < unit.now - maxAge && id < newest);
  const isDone = await inSteps(unit, step, async (limit) => {
    const over = (await listOldest(unit, { limit })).filter(isOver);
    const last = over.at(-1);
    if (last !== undefined) await deleteEventsBefore(unit, { id: last.id + 1 });
    return over.length;
  });
  return !isDone;
}
