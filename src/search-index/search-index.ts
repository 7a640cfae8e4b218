/**
 * The full-text index. New messages are added in portions (waiting.ts), edits in their transaction;
 * a trigger handles deletions.
 */

import type { Snapshot } from '../db/query/query.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { opensBlock, senderInBlock, wordsInBlock } from './blocks.ts';
import { deleteWords, findBlock, insertBlock, insertWords } from './queries.ts';
import { indexedTo } from './state.ts';
import { noteStale } from './vocabulary/stale.ts';
import { entriesOf, learnWords } from './vocabulary/vocabulary.ts';
import { foldedWords } from './words.ts';

interface Key {
  readonly chatId: number;
  readonly id: number;
}

export interface Message extends Key {
  readonly senderId: number;
  readonly content: string;
}

/**
 * Prepares the index for a new message, which is indexed later (waiting.ts): in a commit with a
 * single message, indexing would write about as many pages as everything else.
 *
 * @param posted the chat's message count, including this one.
 */
export async function prepareIndex(unit: Unit, message: Key, posted: number): Promise<void> {
  if (opensBlock(posted)) await insertBlock(unit, message);
}

/**
 * Replaces the words of an edited message in the index at the end of its batch, unless it waits.
 *
 * @param before its previous text.
 */
export function reindexMessage(unit: Unit, message: Message, before: string): void {
  unit.beforeCommit.push(async (snapshot) => {
    if (message.id > (await indexedTo(snapshot))) return;
    const found = await findBlock(snapshot, message);
    if (found === undefined) return;
    await deleteWords(snapshot, message);
    await insertWords(snapshot, searchEntry(message, found.block));
    await changeVocabulary(snapshot, found.block, message, before);
  });
}

/** The vocabulary is changed here, because later portions skip the messages that it has already. */
async function changeVocabulary(
  snapshot: Snapshot,
  block: number,
  { content }: Message,
  before: string,
): Promise<void> {
  const words = new Set(entriesOf(content));
  await learnWords(snapshot, block, words);
  await noteStale(snapshot, block, new Set(entriesOf(before)).difference(words));
}

/** Adds a message to the index, unless it has been deleted. */
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
