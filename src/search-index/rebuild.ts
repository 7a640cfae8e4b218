/**
 * Rebuilds the index from the messages, in portions between which others write. The progress is
 * stored in the database, so an interrupted rebuild continues, even after kill -9.
 */

import { clearOldSearch, hasOldSearch, replaceSearch } from '../db/admin/replace-search.ts';
import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { beyondIds } from '../http/schema.ts';
import { deleteWordsBetween, listMessagesBefore } from './queries.ts';
import { insertEntry } from './search-index.ts';
import {
  indexedFrom,
  isOutdated,
  setIndexedFrom,
  setIndexedTo,
  setOutdated,
  setReplaced,
} from './state.ts';
import { forgetSomeKnown } from './vocabulary/queries.ts';

/** The number of messages that one step indexes. */
const messageStep = 100;

/** The number of blocks that one step resets, and of rows of an old index (each up to 4 KB). */
const blockStep = 500;
const rowStep = 50;

/** Marks the whole index as outdated, to be rebuilt. */
export async function startRebuild(unit: Unit): Promise<void> {
  await setOutdated(unit);
}

/**
 * Does a portion of a rebuild. First an empty index replaces the old one, which is deleted; then
 * the messages are indexed, newest first.
 *
 * @returns whether more is left.
 */
export async function rebuildPortion(unit: Unit): Promise<boolean> {
  if (await hasOldSearch(unit)) {
    do await clearOldSearch(unit, rowStep);
    while ((await hasOldSearch(unit)) && unit.hasTime());
    return true;
  }
  if (await isOutdated(unit)) {
    if (await inSteps(unit, blockStep, (limit) => resetBlocks(unit, limit))) await replace(unit);
    return true;
  }
  return !(await inSteps(unit, messageStep, (limit) => indexNext(unit, { limit })));
}

async function resetBlocks(unit: Unit, limit: number): Promise<number> {
  return (await forgetSomeKnown(unit, { limit })).length;
}

async function replace(unit: Unit): Promise<void> {
  await replaceSearch(unit);
  await setReplaced(unit);
}

/**
 * Indexes the newest of the messages that the rebuild has not indexed yet.
 *
 * @param limit the maximum number of messages.
 * @returns the number of messages; fewer than `limit` if none are left.
 */
export async function indexNext(unit: Unit, { limit }: { limit: number }): Promise<number> {
  const before = await indexedFrom(unit);
  if (before === 0) return 0;
  const messages = await listMessagesBefore(unit, { before, limit });
  // Those that wait are among them.
  if (before === beyondIds) await setIndexedTo(unit, messages[0]?.id ?? 0);
  const isLast = messages.length < limit;
  const first = isLast ? 0 : (messages.at(-1)?.id ?? 0);
  // Messages that were edited since the rebuild started are in the index already.
  await deleteWordsBetween(unit, { first, before });
  // FTS5 writes a separate segment for each message that is not in the order of ids.
  for (const message of messages.toReversed()) await insertEntry(unit, message);
  await setIndexedFrom(unit, first);
  return messages.length;
}
