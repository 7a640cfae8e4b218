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

/** An event as text for the streams; empty where there is nothing to tell of it any more. */
export async function toFrame(snapshot: Snapshot, event: CommittedEvent): Promise<string> {
  const news = toFrameAtOnce(event);
  if (news !== undefined) return news;
  const data = await describe(snapshot, event);
  return data === undefined ? '' : sseFrame(event.type, data, event.id);
}

/**
 * The same of an event that brings its own news: a new message, as it was sent. What has changed in
 * it since, the events that follow tell.
 *
 * @returns undefined where the database is to be asked.
 */
export function toFrameAtOnce({ id, type, chatId, payload }: CommittedEvent): string | undefined {
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
 * What an event tells, by the state of the snapshot: the log has references only, so a reader who
 * was away is told of things as they are now.
 *
 * @returns undefined for what is gone by now; an event that says so follows.
 */
async function describe(
  snapshot: Snapshot,
  { id, type, chatId: inChat, userId: who, messageId, sessionId, emoji }: CommittedEvent,
): Promise<object | undefined> {
  const chatId = inChat ?? 0;
  const userId = who ?? 0;
  switch (type) {
    case 'message':
      return describeMessage(snapshot, chatId, id);
    case 'message.edited':
      return describeMessage(snapshot, chatId, messageId ?? 0);
    case 'message.deleted':
      return { chat_id: chatId, id: messageId };
    case 'reaction':
      // An older version of the program did not note which; replay.ts sends a `reset` for it.
      if (emoji === null) return undefined;
      return describeReaction(snapshot, { chatId, messageId: messageId ?? 0, emoji, userId });
    case 'chat':
      return describeChat(snapshot, chatId);
    case 'chat.deleted':
      return { chat_id: chatId };
    case 'member.joined':
    case 'member.changed':
      return describeMember(snapshot, chatId, userId);
    case 'member.left':
      return { chat_id: chatId, user_id: userId };
    case 'read':
    case 'notify':
      return describeReading(snapshot, chatId, userId);
    case 'user':
      return describeUser(snapshot, userId);
    case 'session.ended':
      return { session_id: sessionId };
    default:
      return undefined;
  }
}

async function describeMessage(snapshot: Snapshot, chatId: number, id: number) {
  const message = await findMessage(snapshot, { chatId, id });
  if (message === undefined) return undefined;
  const reactions = await listReactions(snapshot, { chatId, messageId: id });
  return { chat_id: chatId, message: messageToWire(message, reactions) };
}

/** One reaction by itself: the message may have thousands. */
async function describeReaction(snapshot: Snapshot, key: Parameters<typeof findReaction>[1]) {
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

async function describeChat(snapshot: Snapshot, chatId: number) {
  const chat = await findChat(snapshot, { id: chatId });
  return chat && { chat: { id: chat.id, title: chat.title, ...permissionsToWire(chat) } };
}

async function describeMember(snapshot: Snapshot, chatId: number, userId: number) {
  const member = await findMember(snapshot, { chatId, userId });
  return member && { chat_id: chatId, member: memberToWire(member) };
}

async function describeUser(snapshot: Snapshot, id: number) {
  const user = await findUserById(snapshot, { id });
  return user && { id, name: user.name, ...disabledToWire(user) };
}

async function describeReading(snapshot: Snapshot, chatId: number, userId: number) {
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
