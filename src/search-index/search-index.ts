/** The full-text index, kept in the transaction of the change; deletions are a trigger's. */

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
 * Makes a new message findable.
 *
 * @param posted how many messages its chat has had with it.
 */
export async function indexMessage(unit: Unit, message: Message, posted: number): Promise<void> {
  if (opensBlock(posted)) await insertBlock(unit, message);
  indexLast(unit, message);
}

/**
 * Makes an edited message findable by its new text, and by that alone.
 *
 * @param before its text until now.
 */
export async function reindexMessage(unit: Unit, message: Message, before: string): Promise<void> {
  const found = await findBlock(unit, message);
  if (found === undefined) return;
  unit.beforeCommit.push((snapshot) => deleteWords(snapshot, message));
  indexLast(unit, message);
  unit.beforeCommit.push((snapshot) => changeVocabulary(snapshot, found.block, message, before));
}

/** A vocabulary that knows the message already is extended by nobody else. */
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
 * Indexes with all others of the batch: FTS5 writes what it has collected at each savepoint, and many
 * small pieces would have to be merged again and again.
 */
function indexLast(unit: Unit, message: Message): void {
  unit.beforeCommit.push((snapshot) => insertEntry(snapshot, message));
}

/** Puts a message into the index, unless it has been deleted meanwhile. */
export async function insertEntry(snapshot: Snapshot, message: Message): Promise<void> {
  const found = await findBlock(snapshot, message);
  if (found !== undefined) await insertWords(snapshot, searchEntry(message, found.block));
}

/** A message as the index has it: its words and its sender, each with the block that it lies in. */
export function searchEntry({ id, senderId, content }: Omit<Message, 'chatId'>, block: number) {
  return {
    id,
    words: wordsInBlock(block, foldedWords(content)),
    scope: senderInBlock(block, senderId),
  };
}
