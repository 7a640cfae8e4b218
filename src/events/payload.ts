import { permissionsToWire } from '../chats/wire.ts';
import type { Snapshot } from '../db/query/query.ts';
import type { CommittedEvent } from '../db/unit-of-work.ts';
import { chatIdsOf, findChat, findMember, findMembership } from '../members/queries.ts';
import { memberToWire } from '../members/wire.ts';
import { findMessage, listReactions } from '../messages/queries.ts';
import { findReaction } from '../messages/reaction-queries.ts';
import { messageToWire } from '../messages/wire.ts';
import { findUserById } from '../users/queries.ts';
import { disabledToWire } from '../users/wire.ts';
import { sseFrame } from './sse-frame.ts';

/** An event as text for the streams; empty if there is nothing left to say about it. */
export async function toFrame(snapshot: Snapshot, event: CommittedEvent): Promise<string> {
  const ready = toFrameSync(event);
  if (ready !== undefined) return ready;
  const data = await toPayload(snapshot, event);
  return data === undefined ? '' : sseFrame(event.type, data, event.id);
}

/**
 * The text of an event with an attached payload: a new message as it was sent. Later changes follow
 * in events of their own.
 *
 * @returns undefined if the database has to be read.
 */
export function toFrameSync({ id, type, chatId, payload }: CommittedEvent): string | undefined {
  if (payload === undefined) return undefined;
  return sseFrame(type, { chat_id: chatId ?? 0, message: messageToWire(payload.message) }, id);
}

/** The chats that the user of an event is in. */
export async function chatsOf(
  snapshot: Snapshot,
  { userId }: CommittedEvent,
): Promise<ReadonlySet<number>> {
  const chats = await chatIdsOf(snapshot, { userId: userId ?? 0 });
  return new Set(chats.map(({ chatId }) => chatId));
}

/**
 * The payload of an event, by the state of the snapshot: the log holds only ids, so a reader who
 * was away gets the current state.
 *
 * @returns undefined if the object is gone by now; an event that says so follows.
 */
async function toPayload(
  snapshot: Snapshot,
  { id, type, chatId: inChat, userId: who, messageId, sessionId, emoji }: CommittedEvent,
): Promise<object | undefined> {
  const chatId = inChat ?? 0;
  const userId = who ?? 0;
  switch (type) {
    case 'message':
      return messagePayload(snapshot, chatId, id);
    case 'message.edited':
      return messagePayload(snapshot, chatId, messageId ?? 0);
    case 'message.deleted':
      return { chat_id: chatId, id: messageId };
    case 'reaction':
      // An older version of the program did not log the emoji; catch-up.ts sends a `reset` for it.
      if (emoji === null) return undefined;
      return reactionPayload(snapshot, { chatId, messageId: messageId ?? 0, emoji, userId });
    case 'chat':
      return chatPayload(snapshot, chatId);
    case 'chat.deleted':
      return { chat_id: chatId };
    case 'member.joined':
    case 'member.changed':
      return memberPayload(snapshot, chatId, userId);
    case 'member.left':
      return { chat_id: chatId, user_id: userId };
    case 'read':
    case 'notify':
      return membershipPayload(snapshot, chatId, userId);
    case 'user':
      return userPayload(snapshot, userId);
    case 'session.ended':
      return { session_id: sessionId };
    default:
      return undefined;
  }
}

async function messagePayload(snapshot: Snapshot, chatId: number, id: number) {
  const message = await findMessage(snapshot, { chatId, id });
  if (message === undefined) return undefined;
  const reactions = await listReactions(snapshot, { chatId, messageId: id });
  return { chat_id: chatId, message: messageToWire(message, reactions) };
}

/** A single reaction: the message may have thousands. */
async function reactionPayload(snapshot: Snapshot, key: Parameters<typeof findReaction>[1]) {
  const now = await findReaction(snapshot, key);
  if (now === undefined) return undefined;
  const { chatId, messageId, emoji, userId } = key;
  return {
    chat_id: chatId,
    id: messageId,
    emoji,
    user_id: userId,
    added: now.isThere,
    count: now.count,
  };
}

async function chatPayload(snapshot: Snapshot, chatId: number) {
  const chat = await findChat(snapshot, { id: chatId });
  return chat && { chat: { id: chat.id, title: chat.title, ...permissionsToWire(chat) } };
}

async function memberPayload(snapshot: Snapshot, chatId: number, userId: number) {
  const member = await findMember(snapshot, { chatId, userId });
  return member && { chat_id: chatId, member: memberToWire(member) };
}

async function userPayload(snapshot: Snapshot, id: number) {
  const user = await findUserById(snapshot, { id });
  return user && { id, name: user.name, ...disabledToWire(user) };
}

async function membershipPayload(snapshot: Snapshot, chatId: number, userId: number) {
  const membership = await findMembership(snapshot, { chatId, userId });
  const chat = await findChat(snapshot, { id: chatId });
  if (membership === undefined || chat === undefined) return undefined;
  return {
    chat_id: chatId,
    id: membership.readId,
    unread: chat.posted - membership.seen,
    mentions: membership.mentions,
    notify: membership.notify,
  };
}
