import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import {
  countChanges,
  findMergingStopped,
  flushWords,
  mergeSome,
  resumeMerging,
  stopMerging,
} from './queries.ts';

/**
 * Deletes many messages in steps, and clears their words from the index a few pages at a time.
 *
 * By itself FTS5 merges 64 pages for each level of the index whenever 64 messages are deleted. That
 * took up to 380 ms of a transaction, for which everybody's writes waited. Until this is finished the
 * index merges nothing by itself, also not for those who post meanwhile; that is noted in the index,
 * so a restart changes nothing.
 *
 * @param size how many messages a step deletes at most.
 * @param step deletes messages; returns how many.
 * @returns whether no messages and none of their words are left.
 */
export async function removeWords(
  unit: Unit,
  size: number,
  step: (limit: number) => Promise<number>,
): Promise<boolean> {
  let deleted = 0;
  const areDeleted = await inSteps(unit, size, async (limit) => {
    const count = await step(limit);
    deleted += count;
    if (count > 0) await clearWords(unit);
    return count;
  });
  if (!areDeleted) return false;
  if ((await findMergingStopped(unit, { key: 'automerge' })) === undefined) return true;
  if (deleted > 0 && !unit.hasTime()) return false;
  const areMerged = await inSteps(unit, 1, () => merge(unit));
  if (areMerged) await resumeMerging(unit, {});
  return areMerged;
}

/** Takes the words of messages out of the index that were deleted just now. */
async function clearWords(unit: Unit): Promise<void> {
  await stopMerging(unit, {});
  await flushWords(unit, { command: 'flush' });
  if (unit.hasTime()) await merge(unit);
}

/** Merges a few pages; returns 0 if nothing was left to be merged. */
async function merge(unit: Unit): Promise<number> {
  const before = await countChanges(unit, {});
  await mergeSome(unit, {});
  const after = await countChanges(unit, {});
  return after.count - before.count < 2 ? 0 : 1;
}
