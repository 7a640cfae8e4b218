/**
 * The list of a user's chats. Of what it is made of, a chat's part is the same to all its members
 * and changes with each message, and a member's part changes when they read. Kept apart, a message
 * to a chat of thousands changes one thing in memory.
 */
import type { News } from '../db/commit.ts';
import { about, joinBytes, type Kind, type Memory, nothing } from '../db/kept.ts';
import { isoTime } from '../http/schema.ts';
import { findChat, listMemberships } from './queries.ts';

/** What a chat shows to all its members. */
interface Shown {
  readonly id: number;
  /** JSON up to the title, the title, and what comes last. */
  readonly head: string;
  readonly title: string;
  readonly tail: string;
  readonly posted: number;
  readonly lastSenderId: number | null;
  /** The id of what happened last in it: the larger, the later. */
  readonly activity: number;
}

const chatChanges = ['message.edited', 'message.deleted', 'chat', 'chat.deleted'] as const;

/** A chat of the list, by its id; undefined once it is deleted. */
const shownChat: Kind<{ id: number }, Shown | undefined> = {
  key: ({ id }) => id,
  read: async (snapshot, { id }) => {
    const chat = await findChat(snapshot, { id });
    if (chat === undefined) return nothing;
    const tail = `${chat.directLow === null ? '' : ',"direct":true'}${chat.isOpen ? ',"open":true' : ''}}`;
    const title = JSON.stringify(chat.title);
    return {
      ...show({ id, title, tail }, { ...chat, activity: chat.lastMessageId ?? id }),
      until: about(chatChanges, { chatId: id }),
      grownBy: about(['message'], { chatId: id }),
    };
  },
  grow: (chat, events) => {
    const news = events.at(-1)?.news;
    if (news === undefined) return undefined;
    const { id, content: lastMessage, createdAt: lastMessageAt, senderId } = news.message;
    const { posted } = news;
    return show(chat, { lastMessage, lastMessageAt, lastSenderId: senderId, posted, activity: id });
  },
};

interface Last extends Pick<Shown, 'posted' | 'lastSenderId' | 'activity'> {
  readonly lastMessage: string | null;
  readonly lastMessageAt: number | null;
}

/** A chat as it is after what was said last. */
function show(
  { id, title, tail }: Pick<Shown, 'id' | 'title' | 'tail'>,
  { lastMessage, lastMessageAt, lastSenderId, posted, activity }: Last,
) {
  const shown = {
    id,
    last_message: lastMessage,
    last_message_time: lastMessageAt === null ? null : isoTime(lastMessageAt),
    sender_id: lastSenderId,
  };
  const head = `${JSON.stringify(shown).slice(0, -1)},"title":`;
  const value: Shown = { id, title, tail, head, posted, lastSenderId, activity };
  return { value, bytes: 2 * head.length + 300 };
}

type Membership = Awaited<ReturnType<typeof listMemberships>>[number];

/** A user's memberships, and the list that was last made of them. */
interface Own {
  readonly memberships: readonly Membership[];
  list?: List;
}

interface List {
  readonly chats: readonly Shown[];
  readonly body: Buffer;
  /** After which changes it was found to be right. */
  asOf: number;
}

const ownChanges = ['member.joined', 'member.left', 'mention', 'read', 'notify'] as const;

/** What a membership and its part of the list take in memory, about, in bytes. */
const membershipBytes = 400;

/** The chats that a user is in, and how far they have read. */
const ownMemberships: Kind<{ userId: number }, Own> = {
  key: ({ userId }) => userId,
  read: async (snapshot, { userId }) => {
    const memberships = await listMemberships(snapshot, { userId });
    const until = [
      ...about(ownChanges, { userId }),
      // Whoever had not read it has one less to read.
      ...memberships.flatMap(({ chatId }) => about(['message.deleted'], { chatId })),
      // A direct chat is called by the other one's name.
      ...memberships.flatMap(({ partnerId }) =>
        partnerId === null ? [] : about(['user'], { userId: partnerId }),
      ),
    ];
    return { ...ownOf(memberships), until, grownBy: about(['message'], { userId }) };
  },
  // Whoever posts has read the chat up to there.
  grow: ({ memberships }, events) => {
    const posts = new Map(events.map(({ chatId, news }) => [chatId, news]));
    if ([...posts.values()].includes(undefined)) return undefined;
    return ownOf(
      memberships.map((membership) => afterPost(membership, posts.get(membership.chatId))),
    );
  },
};

function ownOf(memberships: readonly Membership[]) {
  const value: Own = { memberships };
  return { value, bytes: memberships.length * membershipBytes };
}

function afterPost(membership: Membership, news: News | undefined): Membership {
  // What was read may have been told only afterwards.
  if (news === undefined || news.message.id <= membership.readId) return membership;
  return { ...membership, readId: news.message.id, seen: news.posted, mentions: 0 };
}

/** The list as it goes out, as JSON, by latest activity, newest first. */
export async function readList(db: Memory, userId: number): Promise<Buffer> {
  const own = await db.recall(ownMemberships, { userId });
  if (own.list !== undefined && isRight(own.list, db)) return own.list.body;
  const { changes: asOf } = db;
  const shown = own.memberships.map(({ chatId }) => db.recall(shownChat, { id: chatId }));
  // One that was left and deleted since the memberships were read is no longer there.
  const chats = (await Promise.all(shown)).filter((chat) => chat !== undefined);
  own.list = { chats, body: listBody(own.memberships, chats, userId), asOf };
  return own.list.body;
}

function isRight(list: List, db: Memory): boolean {
  // Where nothing at all has changed, no chat has: to look at each takes longer than the rest.
  if (list.asOf === db.changes) return true;
  const isHeld = list.chats.every((chat) => db.holds(chat));
  if (isHeld) list.asOf = db.changes;
  return isHeld;
}

function listBody(
  memberships: readonly Membership[],
  chats: readonly Shown[],
  userId: number,
): Buffer {
  const byChat = new Map(memberships.map((membership) => [membership.chatId, membership]));
  // Texts are added, not joined: they are then copied once, as the bytes that go out.
  let list = '';
  for (const chat of chats.toSorted((a, b) => b.activity - a.activity)) {
    if (list !== '') list += ',';
    list += part(byChat.get(chat.id) as Membership, chat, userId);
  }
  return joinBytes('{"chats":[', list, ']}');
}

function part(
  { seen, readId, mentions, notify, partner }: Membership,
  chat: Shown,
  userId: number,
): string {
  // Who has written last has read all before.
  const unread = chat.lastSenderId === userId ? 0 : chat.posted - seen;
  let text = chat.head + (partner === null ? chat.title : JSON.stringify(partner));
  if (unread > 0) text += `,"unread":${unread},"read_id":${readId}`;
  if (mentions > 0) text += `,"mentions":${mentions}`;
  if (notify !== 'all') text += `,"notify":"${notify}"`;
  return text + chat.tail;
}
