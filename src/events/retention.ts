import type { Unit } from '../db/commit.ts';
import { deleteEventsBefore, findNewestEvent, listOldest } from './queries.ts';

/** Events are kept for so long, in ms. */
const ageLimit = 14 * 24 * 3_600_000;

/** So many events are kept at the most. */
const countLimit = 500_000;

/** So many are looked at in one go, to keep it short. */
const portion = 1_000;

/**
 * Clears away a portion of what is too old or too much in the log; the newest event always stays.
 *
 * @returns whether there may be more to clear away.
 */
export async function clearOldEvents(unit: Unit): Promise<boolean> {
  const newest = (await findNewestEvent(unit, {}))?.id ?? 0;
  const oldest = await listOldest(unit, { limit: portion });
  const isOver = ({ id, at }: { id: number; at: number }) =>
    id <= newest - countLimit || (at < unit.now - ageLimit && id < newest);
  const over = oldest.filter(isOver);
  const last = over.at(-1);
  if (last !== undefined) await deleteEventsBefore(unit, { id: last.id + 1 });
  return over.length === portion;
}
