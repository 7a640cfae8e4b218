import { permissionsToWire } from '../chats/wire.ts';
import type { Snapshot } from '../db/query/query.ts';
import type { CommittedEvent } from '../db/unit-of-work.ts';
import type { EventType, SentType } from '../event-log/log.ts';
import type { Json } from '../http/send.ts';
import {
  chatIdsOf,
  findChat,
  findMember,
  findMembership,
  listDirectChats,
} from '../members/queries.ts';
import { memberToWire } from '../members/wire.ts';
import { findMessage } from '../messages/queries.ts';
import { findReaction, listReactions } from '../messages/reaction-queries.ts';
import type { Message } from '../messages/schema.ts';
import { messageToJson } from '../messages/wire.ts';
import { findUserById } from '../users/queries.ts';
import { disabledToWire } from '../users/wire.ts';
import type { EventPayloads } from './schema.ts';
import { sseFrame } from './sse-frame.ts';

/** An event as text for the streams; empty if there is nothing left to say about it. */
export async function toFrame(snapshot: Snapshot, event: CommittedEvent): Promise<string> {
  const ready = toFrameSync(event);
  if (ready !== undefined) return ready;
  const payload = await toPayload(snapshot, event);
  return payload === undefined ? '' : sseFrame(event.type, payload, event.id);
}

/**
 * The text of an event with an attached payload: a new message as it was sent. Later changes follow
 * in events of their own.
 *
 * @returns undefined if the database has to be read.
 */
export function toFrameSync({ id, type, chatId, payload }: CommittedEvent): string | undefined {
  if (payload === undefined) return undefined;
  return sseFrame(type, withMessage(chatId ?? 0, messageToJson(payload.message)), id);
}

/**
 * The chats whose members see the name of an event's user: those that the user is in, and the
 * direct chats with the user, who may have left them.
 */
export async function chatsOf(
  snapshot: Snapshot,
  event: CommittedEvent,
): Promise<ReadonlySet<number>> {
  const userId = event.userId ?? 0;
  const chats = await chatIdsOf(snapshot, { userId });
  const direct = await listDirectChats(snapshot, { userId });
  return new Set([...chats, ...direct].map(({ chatId }) => chatId));
}

/** The ids of an event; 0 for one that it does not have. */
type References = {
  readonly [Name in 'id' | 'chatId' | 'userId' | 'messageId' | 'sessionId']: number;
} & { readonly emoji: string | null };

/** Undefined if the object is gone by now; an event that says so follows. */
type Read<Payload> = (
  snapshot: Snapshot,
  event: References,
) => Promise<Result<Payload>> | Result<Payload>;

type Result<Payload> = Payload | Json<Payload> | undefined;

/**
 * The payload of each event that somebody receives, by the state of the snapshot: the log holds only
 * ids, so a reader who was away gets the current state.
 */
const payloads: { readonly [Type in SentType]: Read<EventPayloads[Type]> } = {
  message: (snapshot, { chatId, id }) => messagePayload(snapshot, chatId, id),
  'message.edited': (snapshot, { chatId, messageId }) =>
    messagePayload(snapshot, chatId, messageId),
  'message.deleted': (_, { chatId, messageId }) => ({ chat_id: chatId, id: messageId }),
  // An older version of the program did not log the emoji; catch-up.ts sends a `reset` for it.
  reaction: (snapshot, { chatId, messageId, emoji, userId }) =>
    emoji === null ? undefined : reactionPayload(snapshot, { chatId, messageId, emoji, userId }),
  chat: chatPayload,
  'chat.deleted': (_, { chatId }) => ({ chat_id: chatId }),
  'member.joined': memberPayload,
  'member.changed': memberPayload,
  'member.left': (_, { chatId, userId }) => ({ chat_id: chatId, user_id: userId }),
  read: membershipPayload,
  notify: membershipPayload,
  user: userPayload,
  'session.ended': (_, { sessionId }) => ({ session_id: sessionId }),
};

async function toPayload(
  snapshot: Snapshot,
  event: CommittedEvent,
): Promise<object | string | undefined> {
  const { id, type, emoji } = event;
  if (!isSent(type)) return undefined;
  const { chatId, userId, messageId, sessionId } = event;
  return payloads[type](snapshot, {
    ...{ id, emoji },
    chatId: chatId ?? 0,
    userId: userId ?? 0,
    messageId: messageId ?? 0,
    sessionId: sessionId ?? 0,
  });
}

const isSent = (type: EventType): type is SentType => Object.hasOwn(payloads, type);

async function messagePayload(snapshot: Snapshot, chatId: number, id: number) {
  const message = await findMessage(snapshot, { chatId, id });
  if (message === undefined) return undefined;
  const reactions = await listReactions(snapshot, { chatId, messageId: id });
  return withMessage(chatId, messageToJson(message, reactions));
}

function withMessage(chatId: number, message: Json<Message>): Json<EventPayloads['message']> {
  return `{"chat_id":${chatId},"message":${message}}`;
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

async function chatPayload(snapshot: Snapshot, { chatId }: References) {
  const chat = await findChat(snapshot, { id: chatId });
  return chat && { chat: { id: chat.id, title: chat.title, ...permissionsToWire(chat) } };
}

async function memberPayload(snapshot: Snapshot, { chatId, userId }: References) {
  const member = await findMember(snapshot, { chatId, userId });
  return member && { chat_id: chatId, member: memberToWire(member) };
}

async function userPayload(snapshot: Snapshot, { userId: id }: References) {
  const user = await findUserById(snapshot, { id });
  if (user === undefined) return { id, gone: true } as const;
  return { id, name: user.name, ...disabledToWire(user) };
}

async function membershipPayload(snapshot: Snapshot, { chatId, userId }: References) {
  const membership = await findMembership(snapshot, { chatId, userId });
  const chat = await findChat(snapshot, { id: chatId });
  if (membership === undefined || chat === undefined) return undefined;
  return {
    chat_id: chatId,
    id: membership.readId,
    unread: chat.posted - membership.seen,
    mentions: membership.mentions,
    notify: membership.notify,
    last_id: chat.lastMessageId ?? 0,
  };
}
