/**
 * New messages wait before they are indexed, so that a batch of them costs the index as much as one
 * would. Until then a search reads them themselves (search/unindexed.ts), so nothing that was
 * acknowledged is hidden. Which ones wait is stored in the database: it survives kill -9.
 */
import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { listMessagesAfter } from './queries.ts';
import { insertEntry } from './search-index.ts';
import { indexedTo, isOutdated, setIndexedTo } from './state.ts';

/** The number of messages that one step indexes. */
const messageStep = 64;

/** Indexes waiting messages, oldest first, while the unit has time; returns whether none is left. */
export async function indexWaiting(unit: Unit): Promise<boolean> {
  // An empty index is about to replace this one.
  if (await isOutdated(unit)) return false;
  return inSteps(unit, messageStep, (limit) => indexOldest(unit, limit));
}

async function indexOldest(unit: Unit, limit: number): Promise<number> {
  const messages = await listMessagesAfter(unit, { after: await indexedTo(unit), limit });
  for (const message of messages) await insertEntry(unit, message);
  const last = messages.at(-1);
  if (last !== undefined) await setIndexedTo(unit, last.id);
  return messages.length;
}
