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
  const { chatId, id, senderId, content } = message;
  await insertWords(unit, {
    id,
    words: wordsOf(content)
      .map((word) => word.text)
      .join(' '),
    scope: `${scopeOf.chat(chatId)} ${scopeOf.sender(senderId)}`,
  });
}

/** Makes an edited message findable by its new text, and by that alone. */
export async function reindexMessage(unit: Unit, message: Message): Promise<void> {
  await deleteWords(unit, message);
  await indexMessage(unit, message);
}
