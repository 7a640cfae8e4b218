/** Messages: who writes, reads and deletes them. */
import type { Unit } from '../db/commit.ts';
import type { Snapshot } from '../db/query.ts';
import { Refusal } from '../errors.ts';
import { append } from '../events/log.ts';
import { authorise } from '../members/members.ts';
import {
  clearLastMessage,
  deleteMessageRow,
  findMessage,
  insertMessage,
  listAfter,
  listBefore,
  showLastMessage,
} from './queries.ts';

interface InChat {
  readonly chatId: number;
  readonly userId: number;
}

/** Which messages to read: the newest, or those next to one side of a message. */
export interface Range {
  readonly before?: number;
  readonly after?: number;
  /** How many at the most, 1 to 200. */
  readonly limit: number;
}

export type Message = Awaited<ReturnType<typeof listBefore>>[number];

/** A run of messages, oldest first, and whether the chat goes on at either side of it. */
export interface Page {
  readonly messages: readonly Message[];
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
}

/** Larger than every id. */
const noId = 10 ** 15;

/**
 * Reads a page of one of the caller's chats.
 *
 * @throws Refusal `no_chat`, `not_member`
 */
export async function readMessages(
  snapshot: Snapshot,
  { chatId, userId, before, after, limit }: InChat & Range,
): Promise<Page> {
  await authorise(snapshot, { chatId, userId });
  // One more than asked for tells whether there is a next page.
  if (after !== undefined) {
    const found = await listAfter(snapshot, { chatId, after, limit: limit + 1 });
    return { messages: found.slice(0, limit), hasOlder: true, hasNewer: found.length > limit };
  }
  const found = await listBefore(snapshot, { chatId, before: before ?? noId, limit: limit + 1 });
  return {
    messages: found.slice(0, limit).reverse(),
    hasOlder: found.length > limit,
    hasNewer: before !== undefined,
  };
}

/**
 * Posts a message to one of the caller's chats.
 *
 * @returns the message's id.
 * @throws Refusal `no_chat`, `not_member`
 */
export async function postMessage(
  unit: Unit,
  { chatId, userId, content }: InChat & { content: string },
): Promise<number> {
  await authorise(unit, { chatId, userId });
  const id = await append(unit, { type: 'message', chatId, userId });
  const message = { id, chatId, senderId: userId, content, createdAt: unit.now };
  await insertMessage(unit, message);
  await showLastMessage(unit, message);
  return id;
}

/**
 * Deletes one of the caller's own messages. If it was the chat's last, the one before it is again.
 *
 * @throws Refusal `no_chat`, `not_member`, `no_message`, `other_sender`
 */
export async function deleteMessage(
  unit: Unit,
  { chatId, userId, id }: InChat & { id: number },
): Promise<void> {
  await authorise(unit, { chatId, userId });
  const message = await findMessage(unit, { chatId, id });
  if (message === undefined) throw new Refusal('no_message');
  if (message.senderId !== userId) throw new Refusal('other_sender');
  await deleteMessageRow(unit, { chatId, id });
  await bringBackLastMessage(unit, { chatId, id });
  await append(unit, { type: 'message.deleted', chatId, userId, messageId: id });
}

/** If the chat still shows a deleted message as its last one, shows the one before it instead. */
async function bringBackLastMessage(
  unit: Unit,
  { chatId, id }: { chatId: number; id: number },
): Promise<void> {
  const wasLast = (await clearLastMessage(unit, { chatId, id })) !== undefined;
  if (!wasLast) return;
  const [newest] = await listBefore(unit, { chatId, before: noId, limit: 1 });
  if (newest !== undefined) await showLastMessage(unit, { ...newest, chatId });
}
