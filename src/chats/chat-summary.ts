import { type CachedBatchQuery, dependsOn, notFound } from '../db/cache/cached-query.ts';
import { inOrder } from '../db/query/query.ts';
import { type ByteString, toByteString } from '../http/bytes.ts';
import { isoTime } from '../http/schema.ts';
import { listChats } from './queries.ts';
import { permissionsToWire } from './wire.ts';

/** The part of a chat in the list that is the same for all its members. */
export interface ChatSummary {
  readonly id: number;
  /** The chat's JSON in three pieces: up to the title, the title, and the rest. */
  readonly head: ByteString;
  readonly title: ByteString;
  readonly tail: ByteString;
  /** The sum of the two user ids of a direct chat: minus one's own id, it is the other's. */
  readonly pair: number | null;
  readonly posted: number;
  readonly lastSenderId: number | null;
  /** The id of the chat's latest activity: a larger id is later. */
  readonly activity: number;
}

type Chat = Awaited<ReturnType<typeof listChats>>[number];

const changes = ['message.edited', 'message.deleted', 'chat', 'chat.deleted'] as const;

/** Chats by id, as their members' lists show them; undefined for a deleted chat. */
export const chatSummaries: CachedBatchQuery<number, ChatSummary | undefined> = {
  key: (id) => id,
  readMany: async (snapshot, ids) => {
    const chats = await listChats(snapshot, { ids: JSON.stringify(ids) });
    return inOrder(ids, chats).map((chat) => {
      if (chat === undefined) return notFound;
      const on = { chatId: chat.id };
      return {
        ...summarise(chat),
        invalidatedBy: dependsOn(changes, on),
        updatedBy: dependsOn(['message'], on),
      };
    });
  },
  applyEvent: (chat, { payload }) => {
    if (payload === undefined) return undefined;
    const { id, content: lastMessage, createdAt: lastMessageAt, senderId } = payload.message;
    const { posted } = payload;
    return sized(chat, {
      lastMessage,
      lastMessageAt,
      lastSenderId: senderId,
      posted,
      activity: id,
    });
  },
};

function summarise(chat: Chat) {
  const { id, pair, isOpen } = chat;
  const title = toByteString(JSON.stringify(chat.title));
  const flags = {
    ...(pair !== null && { direct: true }),
    ...(isOpen && { open: true }),
    ...permissionsToWire(chat),
  };
  const members = JSON.stringify(flags).slice(1);
  const tail = members === '}' ? members : `,${members}`;
  return sized({ id, title, tail, pair }, chat);
}

type Last = Pick<ChatSummary, 'posted' | 'lastSenderId' | 'activity'> &
  Pick<Chat, 'lastMessage' | 'lastMessageAt'>;

/** A chat's summary with its last message, and its size in the cache. */
function sized(
  { id, title, tail, pair }: Pick<ChatSummary, 'id' | 'title' | 'tail' | 'pair'>,
  { lastMessage, lastMessageAt, lastSenderId, posted, activity }: Last,
) {
  const time = lastMessageAt === null ? 'null' : `"${isoTime(lastMessageAt)}"`;
  const text = toByteString(JSON.stringify(lastMessage));
  const head = `{"id":${id},"last_message":${text},"last_message_time":${time},"sender_id":${lastSenderId},"title":`;
  const value: ChatSummary = { id, head, title, tail, pair, posted, lastSenderId, activity };
  return { value, bytes: head.length + 300 };
}
