/** The full-text index, kept in the transaction of the change; deletions are a trigger's. */
import type { Unit } from '../db/commit.ts';
import {
  clearWords,
  deleteWords,
  findMessageId,
  insertWords,
  listMessagesAfter,
} from './queries.ts';
import { scopeOf } from './query.ts';
import { inWindow, windowOf } from './windows.ts';
import { foldedWords } from './words.ts';

interface Message {
  readonly chatId: number;
  readonly id: number;
  readonly senderId: number;
  readonly content: string;
}

/**
 * Makes a new message findable, with all others of its batch: FTS5 writes what it has collected at
 * each savepoint, and many small pieces would have to be merged again and again.
 */
export function indexMessage({ last }: Unit, message: Message): void {
  const entry = searchEntry(message);
  last.push(async (snapshot) => {
    // The next command of the batch may have deleted it.
    if ((await findMessageId(snapshot, entry)) !== undefined) await insertWords(snapshot, entry);
  });
}

/** A message as the index has it: its words, and where it is and who sent it. */
export function searchEntry({ chatId, id, senderId, content }: Message) {
  const window = windowOf(id);
  const scope = [scopeOf.chat(chatId), scopeOf.sender(senderId)];
  return {
    id,
    words: inWindow(window, foldedWords(content)),
    scope: inWindow(window, scope),
  };
}

/** Makes an edited message findable by its new text, and by that alone. */
export function reindexMessage(unit: Unit, message: Message): void {
  unit.last.push((snapshot) => deleteWords(snapshot, message));
  indexMessage(unit, message);
}

/** So many messages are indexed in one go, to keep it short. */
const portion = 1_000;

/**
 * Makes the index anew from the messages, a portion at a time; others may post meanwhile.
 *
 * @param after where the last portion ended; 0 to begin, which empties the index.
 * @returns the `after` of the next portion, or undefined when all is done.
 */
export async function rebuildIndex(
  unit: Unit,
  { after }: { after: number },
): Promise<number | undefined> {
  if (after === 0) await clearWords(unit, { command: 'delete-all' });
  const messages = await listMessagesAfter(unit, { after, limit: portion });
  for (const message of messages) reindexMessage(unit, message);
  return messages.at(-1)?.id;
}
