import type { Unit } from '../db/commit.ts';
import { deleteEventsBefore, findNewestEvent, listOldest } from './queries.ts';

const day = 24 * 3_600_000;

/** How long events are kept, in ms, and how many of them at the most. */
export const limits = { maxAge: 14 * day, maxCount: 500_000 };

/**
 * Clears away a portion of what is too old or too much in the log; the newest event always stays.
 *
 * @param portion so many are looked at in one go, to keep it short.
 * @returns whether there may be more to clear away.
 */
export async function clearOldEvents(
  unit: Unit,
  { maxAge = limits.maxAge, maxCount = limits.maxCount, portion = 1_000 } = {},
): Promise<boolean> {
  const newest = (await findNewestEvent(unit, {}))?.id ?? 0;
  const oldest = await listOldest(unit, { limit: portion });
  const isOver = ({ id, at }: { id: number; at: number }) =>
    id <= newest - maxCount || (at < unit.now - maxAge && id < newest);
  const over = oldest.filter(isOver);
  const last = over.at(-1);
  if (last !== undefined) await deleteEventsBefore(unit, { id: last.id + 1 });
  return over.length === portion;
}
