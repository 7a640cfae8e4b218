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
 * Deletes many messages in steps, and removes their words from the index a few pages at a time.
 *
 * FTS5 automatically merges 64 pages for each level of the index after every 64 deleted messages.
 * That took up to 380 ms in one transaction, while all other writes waited. So automatic merging is
 * stopped until this is finished, also for messages posted meanwhile. The index stores that
 * setting, so it survives a restart.
 *
 * @param size the maximum number of messages that a step deletes.
 * @param step deletes messages; returns their number.
 * @returns whether all the messages and all their words are gone.
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

/** Removes the words of messages that were just deleted from the index. */
async function clearWords(unit: Unit): Promise<void> {
  await stopMerging(unit, {});
  await flushWords(unit, { command: 'flush' });
  if (unit.hasTime()) await merge(unit);
}

/** Merges a few pages; returns 0 if there was nothing left to merge. */
async function merge(unit: Unit): Promise<number> {
  const before = await countChanges(unit, {});
  await mergeSome(unit, {});
  const after = await countChanges(unit, {});
  return after.count - before.count < 2 ? 0 : 1;
}
