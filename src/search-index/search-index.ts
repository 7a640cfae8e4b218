/** The full-text index, updated in the transaction of each change; a trigger handles deletions. */

import type { Snapshot } from '../db/query/query.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { opensBlock, senderInBlock, wordsInBlock } from './blocks.ts';
import { deleteWords, findBlock, insertBlock, insertWords } from './queries.ts';
import { noteStale } from './vocabulary/stale.ts';
import { entriesOf, learnWords } from './vocabulary/vocabulary.ts';
import { foldedWords } from './words.ts';

export interface Message {
  readonly chatId: number;
  readonly id: number;
  readonly senderId: number;
  readonly content: string;
}

/**
 * Adds a new message to the index.
 *
 * @param posted the chat's message count, including this one.
 */
export async function indexMessage(unit: Unit, message: Message, posted: number): Promise<void> {
  if (opensBlock(posted)) await insertBlock(unit, message);
  indexLast(unit, message);
}

/**
 * Replaces the words of an edited message in the index.
 *
 * @param before its previous text.
 */
export async function reindexMessage(unit: Unit, message: Message, before: string): Promise<void> {
  const found = await findBlock(unit, message);
  if (found === undefined) return;
  unit.beforeCommit.push((snapshot) => deleteWords(snapshot, message));
  indexLast(unit, message);
  unit.beforeCommit.push((snapshot) => changeVocabulary(snapshot, found.block, message, before));
}

/** The vocabulary is changed here, because later portions skip the messages that it has already. */
async function changeVocabulary(
  snapshot: Snapshot,
  block: number,
  message: Message,
  before: string,
): Promise<void> {
  const isThere = (await findBlock(snapshot, message)) !== undefined;
  const words = new Set(isThere ? entriesOf(message.content) : []);
  await learnWords(snapshot, block, words);
  await noteStale(snapshot, block, new Set(entriesOf(before)).difference(words));
}

/**
 * Indexes a message at the end of its batch, together with all others: FTS5 writes what it has
 * collected at each savepoint, and many small segments would have to be merged again and again.
 */
function indexLast(unit: Unit, message: Message): void {
  unit.beforeCommit.push((snapshot) => insertEntry(snapshot, message));
}

/** Adds a message to the index, unless it has been deleted meanwhile. */
export async function insertEntry(snapshot: Snapshot, message: Message): Promise<void> {
  const found = await findBlock(snapshot, message);
  if (found !== undefined) await insertWords(snapshot, searchEntry(message, found.block));
}

/** The index entry of a message: its words and its sender, each prefixed with its block. */
export function searchEntry({ id, senderId, content }: Omit<Message, 'chatId'>, block: number) {
  return {
    id,
    words: wordsInBlock(block, foldedWords(content)),
    scope: senderInBlock(block, senderId),
  };
}
