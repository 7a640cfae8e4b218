import { type CachedBatchQuery, dependsOn, notFound } from '../db/cache/cached-query.ts';
import { inOrder } from '../db/query/query.ts';
import { isoTime } from '../http/schema.ts';
import { listChats } from './queries.ts';
import { permissionsToWire } from './wire.ts';

/** What a chat shows to all its members. */
export interface ChatSummary {
  readonly id: number;
  /** JSON up to the title, the title, and what comes last. */
  readonly head: string;
  readonly title: string;
  readonly tail: string;
  /** The ids of the two users of a direct chat, added up: less one's own, it is the other's. */
  readonly pair: number | null;
  readonly posted: number;
  readonly lastSenderId: number | null;
  /** The id of what happened last in it: the larger, the later. */
  readonly activity: number;
}

type Chat = Awaited<ReturnType<typeof listChats>>[number];

const changes = ['message.edited', 'message.deleted', 'chat', 'chat.deleted'] as const;

/** Chats by their ids, as their members' lists show them; undefined once they are deleted. */
export const chatSummaries: CachedBatchQuery<number, ChatSummary | undefined> = {
  key: (id) => id,
  readMany: async (snapshot, ids) => {
    const chats = await listChats(snapshot, { ids: JSON.stringify(ids) });
    return inOrder(ids, chats).map((chat) => {
      if (chat === undefined) return notFound;
      const on = { chatId: chat.id };
      return {
        ...showFirst(chat),
        invalidatedBy: dependsOn(changes, on),
        updatedBy: dependsOn(['message'], on),
      };
    });
  },
  applyEvents: (chat, events) => {
    const news = events.at(-1)?.payload;
    if (news === undefined) return undefined;
    const { id, content: lastMessage, createdAt: lastMessageAt, senderId } = news.message;
    const { posted } = news;
    return show(chat, { lastMessage, lastMessageAt, lastSenderId: senderId, posted, activity: id });
  },
};

function showFirst(chat: Chat) {
  const { id, pair, isOpen } = chat;
  const title = JSON.stringify(chat.title);
  const flags = {
    ...(pair !== null && { direct: true }),
    ...(isOpen && { open: true }),
    ...permissionsToWire(chat),
  };
  const members = JSON.stringify(flags).slice(1);
  const tail = members === '}' ? members : `,${members}`;
  return show({ id, title, tail, pair }, chat);
}

type Last = Pick<ChatSummary, 'posted' | 'lastSenderId' | 'activity'> &
  Pick<Chat, 'lastMessage' | 'lastMessageAt'>;

/** A chat as it is after what was said last. */
function show(
  { id, title, tail, pair }: Pick<ChatSummary, 'id' | 'title' | 'tail' | 'pair'>,
  { lastMessage, lastMessageAt, lastSenderId, posted, activity }: Last,
) {
  const time = lastMessageAt === null ? 'null' : `"${isoTime(lastMessageAt)}"`;
  const text = JSON.stringify(lastMessage);
  const head = `{"id":${id},"last_message":${text},"last_message_time":${time},"sender_id":${lastSenderId},"title":`;
  const value: ChatSummary = { id, head, title, tail, pair, posted, lastSenderId, activity };
  return { value, bytes: 2 * head.length + 300 };
}
