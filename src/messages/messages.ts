/** Posts, reads, edits and deletes messages. */

import type { Snapshot } from '../db/query/query.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { clearMessage } from '../deletions/chat.ts';
import { clearSoon } from '../deletions/pending.ts';
import { Refusal } from '../errors.ts';
import { appendEvent, attachPayload } from '../event-log/log.ts';
import { authorise, bringPartnerBack, type Key } from '../members/members.ts';
import { addMentions, updateMentions } from '../mentions/mentions.ts';
import { prepareIndex, reindexMessage } from '../search-index/search-index.ts';
import { noteDeleted } from '../search-index/vocabulary/stale.ts';
import { keyLifetime } from './idempotency.ts';
import {
  addLastMessage,
  clearLastMessage,
  deleteMessageRow,
  findMessage,
  findNewest,
  findPosted,
  insertMessage,
  rememberPosted,
  showLastMessage,
  updateContent,
  updateLastMessage,
} from './queries.ts';
import { listOwnReactions, listReactions } from './reaction-queries.ts';
import { markAllRead } from './read-state.ts';

export type MessageRow = NonNullable<Awaited<ReturnType<typeof findMessage>>>;
export type ReactionRow = Awaited<ReturnType<typeof listReactions>>[number];
export type OwnReaction = Awaited<ReturnType<typeof listOwnReactions>>[number];

/**
 * Reads one message of one of the caller's chats.
 *
 * @throws Refusal `no_chat`, `not_member`, `no_message`
 */
export async function readMessage(
  snapshot: Snapshot,
  { chatId, userId, id }: Key & { id: number },
): Promise<{ message: MessageRow; reactions: ReactionRow[]; own: OwnReaction[] }> {
  await authorise(snapshot, { chatId, userId });
  const message = await requireMessage(snapshot, { chatId, id });
  const reactions = await listReactions(snapshot, { chatId, messageId: id });
  const own = await listOwnReactions(snapshot, { chatId, userId, first: id, last: id });
  return { message, reactions, own };
}

/**
 * Posts a message to one of the caller's chats, and marks the chat as read up to it.
 *
 * @param idempotencyKey if the caller has posted with it within a day, this posts nothing.
 * @returns the message's id and chat; those of the first attempt, if there was one.
 * @throws Refusal `no_chat`, `not_member`; `no_message` if the message to reply to does not exist;
 *   `nobody_there` in a direct chat.
 */
export async function postMessage(
  unit: Unit,
  input: Key & { content: string; replyTo?: number; idempotencyKey?: string },
): Promise<{ chatId: number; id: number }> {
  const { chatId, userId, content, replyTo, idempotencyKey: key } = input;
  const { mentions } = await authorise(unit, { chatId, userId });
  const since = unit.now - keyLifetime;
  const posted = key === undefined ? undefined : await findPosted(unit, { userId, key, since });
  if (posted !== undefined) return posted;
  if (replyTo !== undefined) await requireMessage(unit, { chatId, id: replyTo });
  await bringPartnerBack(unit, { chatId, userId });
  const id = await addMessage(unit, {
    chatId,
    senderId: userId,
    content,
    replyTo: replyTo ?? null,
    mentions,
  });
  if (key !== undefined) {
    await rememberPosted(unit, { userId, key, chatId, messageId: id, now: unit.now });
  }
  return { chatId, id };
}

interface Draft {
  readonly chatId: number;
  readonly senderId: number;
  readonly content: string;
  readonly replyTo: number | null;
  /** The number of unread messages that mention the sender. */
  readonly mentions: number;
}

async function addMessage(unit: Unit, { mentions, ...draft }: Draft): Promise<number> {
  const { chatId, senderId: userId } = draft;
  const id = await appendEvent(unit, { type: 'message', chatId, userId });
  const message = { ...draft, id, createdAt: unit.now, editedAt: null };
  await insertMessage(unit, message);
  const { posted } = await addLastMessage(unit, message);
  attachPayload(unit, { message, posted });
  await markAllRead(unit, { chatId, userId, id, posted, mentions });
  await addMentions(unit, message);
  await prepareIndex(unit, message, posted);
  return id;
}

/**
 * Changes the text of one of the caller's own messages.
 *
 * @throws Refusal `no_chat`, `not_member`, `no_message`, `other_sender`
 */
export async function editMessage(
  unit: Unit,
  { chatId, userId, id, content }: Key & { id: number; content: string },
): Promise<void> {
  await authorise(unit, { chatId, userId });
  const message = await requireMessage(unit, { chatId, id });
  if (message.senderId !== userId) throw new Refusal('other_sender');
  await updateContent(unit, { chatId, id, content, editedAt: unit.now });
  await updateLastMessage(unit, { chatId, id, content });
  await updateMentions(unit, { ...message, content });
  reindexMessage(unit, { ...message, content }, message.content);
  await appendEvent(unit, { type: 'message.edited', chatId, userId, messageId: id });
}

/**
 * Deletes a message: the caller's own, or, for an owner, anybody's. If it was the chat's last
 * message, the one before it becomes the last again.
 *
 * @param ownOnly refuses even an owner: the documented route has no owners.
 * @returns the id of the user who had sent it.
 * @throws Refusal `no_chat`, `not_member`, `no_message`, `other_sender`
 */
export async function deleteMessage(
  unit: Unit,
  { chatId, userId, id, ownOnly }: Key & { id: number; ownOnly: boolean },
): Promise<number> {
  const { role } = await authorise(unit, { chatId, userId });
  const message = await requireMessage(unit, { chatId, id });
  const mayDelete = message.senderId === userId || (role === 'owner' && !ownOnly);
  if (!mayDelete) throw new Refusal('other_sender');
  await updateMentions(unit, { ...message, content: '' });
  await noteDeleted(unit, message);
  await deleteMessageRow(unit, { chatId, id });
  await clearSoon(unit, 'message', { id, chatId }, clearMessage);
  await restoreLastMessage(unit, { chatId, id });
  await appendEvent(unit, { type: 'message.deleted', chatId, userId, messageId: id });
  // A device that was offline never receives the message, nor that its sender had read up to it.
  await appendEvent(unit, { type: 'read', chatId, userId: message.senderId });
  return message.senderId;
}

/** Shows the previous message as the chat's last one, if the deleted message was the last. */
async function restoreLastMessage(
  unit: Unit,
  { chatId, id }: { chatId: number; id: number },
): Promise<void> {
  const wasLast = (await clearLastMessage(unit, { chatId, id })) !== undefined;
  if (!wasLast) return;
  const newest = await findNewest(unit, { chatId });
  if (newest !== undefined) await showLastMessage(unit, newest);
}

/**
 * Finds a message by its id in its chat.
 *
 * @throws Refusal `no_message` also if the message is in another chat.
 */
export async function requireMessage(
  snapshot: Snapshot,
  key: { chatId: number; id: number },
): Promise<MessageRow> {
  const message = await findMessage(snapshot, key);
  if (message === undefined) throw new Refusal('no_message');
  return message;
}
