/** The full-text index, kept in the transaction of the change; deletions are a trigger's. */
import type { Unit } from '../db/commit.ts';
import { deleteWords, insertWords } from './queries.ts';
import { scopeOf } from './query.ts';
import { wordsOf } from './words.ts';

interface Message {
  readonly chatId: number;
  readonly id: number;
  readonly senderId: number;
  readonly content: string;
}

/** Makes a new message findable. */
export async function indexMessage(unit: Unit, message: Message): Promise<void> {
  await insertWords(unit, searchEntry(message));
}

/** A message as the index has it: its words, and where it is and who sent it. */
export function searchEntry({ chatId, id, senderId, content }: Message) {
  const words = wordsOf(content).map((word) => word.text);
  const scope = [scopeOf.chat(chatId), scopeOf.sender(senderId)];
  return { id, words: words.join(' '), scope: scope.join(' ') };
}

/** Makes an edited message findable by its new text, and by that alone. */
export async function reindexMessage(unit: Unit, message: Message): Promise<void> {
  await deleteWords(unit, message);
  await indexMessage(unit, message);
}
