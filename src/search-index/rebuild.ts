/**
 * Rebuilding the index from the messages, in portions between which others write. The progress is kept
 * in the database, so that a rebuild that was interrupted, even by kill -9, can be continued.
 */

import { clearOldSearch, hasOldSearch, replaceSearch } from '../db/admin/replace-search.ts';
import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { deleteWordsBetween, listMessagesBefore } from './queries.ts';
import { insertEntry } from './search-index.ts';
import { indexedFrom, isOutdated, setIndexedFrom, setOutdated, setReplaced } from './state.ts';
import { forgetSomeKnown } from './vocabulary/queries.ts';

/** How many messages are indexed between two looks at the time. */
const messageStep = 100;

/** The same of blocks whose vocabularies are forgotten, and of rows of an old index, of up to 4 KB. */
const blockStep = 500;
const rowStep = 50;

/** Notes that all of the index is to be rebuilt. */
export async function startRebuild(unit: Unit): Promise<void> {
  await setOutdated(unit);
}

/**
 * Does a portion of a rebuild: first an empty index takes the place of the old one, which is cleared
 * away; then the messages are indexed, the newest first.
 *
 * @returns whether there is more to do.
 */
export async function rebuildPortion(unit: Unit): Promise<boolean> {
  if (await hasOldSearch(unit)) {
    do await clearOldSearch(unit, rowStep);
    while ((await hasOldSearch(unit)) && unit.hasTime());
    return true;
  }
  if (await isOutdated(unit)) {
    if (await inSteps(unit, blockStep, (limit) => forgetKnown(unit, limit))) await replace(unit);
    return true;
  }
  return !(await inSteps(unit, messageStep, (limit) => indexNext(unit, { limit })));
}

async function forgetKnown(unit: Unit, limit: number): Promise<number> {
  return (await forgetSomeKnown(unit, { limit })).length;
}

async function replace(unit: Unit): Promise<void> {
  await replaceSearch(unit);
  await setReplaced(unit);
}

/**
 * Indexes the newest of the messages that are still to be indexed.
 *
 * @param limit how many at most.
 * @returns how many; fewer than `limit` if that was all.
 */
export async function indexNext(unit: Unit, { limit }: { limit: number }): Promise<number> {
  const before = await indexedFrom(unit);
  if (before === 0) return 0;
  const messages = await listMessagesBefore(unit, { before, limit });
  const isLast = messages.length < limit;
  const first = isLast ? 0 : (messages.at(-1)?.id ?? 0);
  // Messages that were edited since the rebuild started are in the index already.
  await deleteWordsBetween(unit, { first, before });
  // FTS5 writes a piece of its own for each message that comes out of the order of ids.
  for (const message of messages.toReversed()) await insertEntry(unit, message);
  await setIndexedFrom(unit, first);
  return messages.length;
}
