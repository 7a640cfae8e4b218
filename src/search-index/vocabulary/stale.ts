/**
 * Taking the words of deleted and edited messages out of the vocabularies. The change itself only notes
 * the words of its message, in the same transaction: its cost does not depend on how long the chat is.
 * Portions look up in the index whether another message of the block has each of them. The notes are
 * in the database, so that a restart goes on with them.
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

/** How many words a step looks up; a beginning of a frequent word takes up to 3 ms. */
const wordStep = 5;

interface Entry {
  readonly block: number;
  readonly word: string;
}

/** Notes the words of a message that is about to be deleted. */
export async function noteDeleted(
  unit: Unit,
  message: { readonly chatId: number; readonly id: number; readonly content: string },
): Promise<void> {
  const found = await findBlock(unit, message);
  if (found !== undefined) await noteStale(unit, found.block, entriesOf(message.content));
}

/** Notes words that a block may not have any more. */
export async function noteStale(
  snapshot: Snapshot,
  block: number,
  words: Iterable<string>,
): Promise<void> {
  for (const word of words) await insertStaleWord(snapshot, { block, word });
}

/** Whether words are noted that can be looked up now. */
export async function hasStaleWords(snapshot: Snapshot): Promise<boolean> {
  return (await listKnown(snapshot, 1)).length > 0;
}

/**
 * Takes noted words out of the vocabularies where no message has them, as far as there is time. It must
 * not follow `extendVocabularies` within one batch, whose messages are indexed last.
 *
 * @returns whether there may be more.
 */
export async function forgetStaleWords(unit: Unit): Promise<boolean> {
  return !(await inSteps(unit, wordStep, (limit) => forgetSome(unit, limit)));
}

async function forgetSome(unit: Unit, limit: number): Promise<number> {
  const entries = await listKnown(unit, limit);
  for (const entry of entries) {
    if (!(await isIndexed(unit, entry))) await deleteWord(unit, entry);
    await deleteStaleWord(unit, entry);
  }
  return entries.length;
}

/** While the index is rebuilt, it cannot say what a block has that it has not come to. */
async function listKnown(snapshot: Snapshot, limit: number): Promise<Entry[]> {
  return listStaleWords(snapshot, { from: await indexedFrom(snapshot), limit });
}

async function isIndexed(snapshot: Snapshot, { block, word }: Entry): Promise<boolean> {
  const match = matchExpression([startOf(word)], [block]);
  const found = await listMatches(snapshot, { match, first: 0, before: beyondIds, limit: 1 });
  return found.length > 0;
}
