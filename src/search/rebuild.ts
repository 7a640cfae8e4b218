/**
 * Rebuilding the index from the messages, in portions between which others write. The progress is kept
 * in the database, so that a rebuild that was interrupted, even by kill -9, can be continued.
 */
import type { Unit } from '../db/commit.ts';
import type { Snapshot } from '../db/query.ts';
import { beyondIds } from '../http/schema.ts';
import { inSteps } from '../jobs/steps.ts';
import { deleteState, findState, setState } from '../server/queries.ts';
import { insertEntry } from './index.ts';
import { clearWords, deleteWordsBetween, listMessagesBefore } from './queries.ts';

/** Its value: the messages that are older than this id are still to be indexed. */
const key = 'search_rebuild';

/** How many messages are indexed between two looks at the time. */
const messageStep = 100;

/** Empties the index and notes that all of it is to be rebuilt. */
export async function startRebuild(unit: Unit): Promise<void> {
  await clearWords(unit, { command: 'delete-all' });
  await setState(unit, { key, value: String(beyondIds) });
}

/** The id from which on all messages are in the index; 0 if all are, as long as nothing is rebuilt. */
export async function indexedFrom(snapshot: Snapshot): Promise<number> {
  return Number((await findState(snapshot, { key }))?.value ?? 0);
}

/**
 * Indexes a portion of the messages that are still to be indexed, the newest of them.
 *
 * @returns whether there are more.
 */
export async function rebuildPortion(unit: Unit): Promise<boolean> {
  return !(await inSteps(unit, messageStep, (limit) => indexNext(unit, { limit })));
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
  if (isLast) await deleteState(unit, { key });
  else await setState(unit, { key, value: String(first) });
  return messages.length;
}
