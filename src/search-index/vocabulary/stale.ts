/**
 * Removes the words of deleted and edited messages from the vocabularies. The change itself only
 * records the words of its message as stale, in the same transaction, so its cost does not depend
 * on the length of the chat. Later, portions look up in the index whether another message of the
 * block has each word. The stale words are stored in the database, so the work continues after a
 * restart.
 */

import type { Snapshot } from '../../db/query/query.ts';
import { inSteps } from '../../db/steps.ts';
import type { Unit } from '../../db/unit-of-work.ts';
import { beyondIds } from '../../http/schema.ts';
import { matchExpression } from '../fts-query.ts';
import { findBlock, listMatches } from '../queries.ts';
import { indexedFrom } from '../state.ts';
import { deleteStaleWord, deleteWord, insertStaleWord, listStaleWords } from './queries.ts';
import { entriesOf, startOf } from './vocabulary.ts';

/**
 * The number of words that one step looks up; the beginning of a frequent word takes up to 3 ms.
 */
const wordStep = 5;

interface Entry {
  readonly block: number;
  readonly word: string;
}

/** Records the words of a message that is about to be deleted. */
export async function noteDeleted(
  unit: Unit,
  message: { readonly chatId: number; readonly id: number; readonly content: string },
): Promise<void> {
  const found = await findBlock(unit, message);
  if (found !== undefined) await noteStale(unit, found.block, entriesOf(message.content));
}

/** Records words that a block may no longer have. */
export async function noteStale(
  snapshot: Snapshot,
  block: number,
  words: Iterable<string>,
): Promise<void> {
  for (const word of words) await insertStaleWord(snapshot, { block, word });
}

/** Whether there are stale words that can be looked up now. */
export async function hasStaleWords(snapshot: Snapshot): Promise<boolean> {
  return (await listIndexed(snapshot, 1)).length > 0;
}

/**
 * Removes stale words from the vocabularies where no message has them, while the unit has time. It
 * must not follow `extendVocabularies` in the same batch, because a batch indexes its messages
 * last.
 *
 * @returns whether more may be left.
 */
export async function forgetStaleWords(unit: Unit): Promise<boolean> {
  return !(await inSteps(unit, wordStep, (limit) => forgetSome(unit, limit)));
}

async function forgetSome(unit: Unit, limit: number): Promise<number> {
  const entries = await listIndexed(unit, limit);
  for (const entry of entries) {
    if (!(await isIndexed(unit, entry))) await deleteWord(unit, entry);
    await deleteStaleWord(unit, entry);
  }
  return entries.length;
}

/**
 * Skips the blocks that a rebuild of the index has not reached: the index cannot answer for them.
 */
async function listIndexed(snapshot: Snapshot, limit: number): Promise<Entry[]> {
  return listStaleWords(snapshot, { from: await indexedFrom(snapshot), limit });
}

async function isIndexed(snapshot: Snapshot, { block, word }: Entry): Promise<boolean> {
  const match = matchExpression([startOf(word)], [block]);
  const found = await listMatches(snapshot, { match, first: 0, before: beyondIds, limit: 1 });
  return found.length > 0;
}
