/**
 * The list of a user's chats. Of what it is made of, a chat's part is the same to all its members
 * and changes with each message (chat-summary.ts), and a member's part changes when they read. Kept apart,
 * a message to a chat of thousands changes one thing in memory.
 */

import {
  type CachedQuery,
  dependsOn,
  joinBytes,
  type QueryCache,
} from '../db/cache/cached-query.ts';
import type { MessagePayload } from '../db/unit-of-work.ts';
import { listMemberships } from '../members/queries.ts';
import { type Named, userNames } from '../users/names.ts';
import { type ChatSummary, chatSummaries } from './chat-summary.ts';

type Membership = Awaited<ReturnType<typeof listMemberships>>[number];

/** A user's memberships, and the list that was last made of them. */
interface Own {
  readonly memberships: readonly Membership[];
  list?: List;
}

interface List {
  /** By latest activity, newest first. */
  readonly lines: readonly Line[];
  /** All of it, once that was asked for. */
  body?: Buffer;
  /** After which changes it was found to be right. */
  asOf: number;
}

/** What a list shows of a chat. */
interface Line {
  readonly chat: ChatSummary;
  readonly membership: Membership;
  /** Whom a direct chat is called by. */
  readonly partner: Named | undefined;
}

const ownChanges = ['member.joined', 'member.left', 'mention', 'read', 'notify'] as const;

/** What a membership and its part of the list take in memory, about, in bytes. */
const membershipBytes = 400;

/** The chats that a user is in, and how far they have read. */
const ownMemberships: CachedQuery<{ userId: number }, Own> = {
  key: ({ userId }) => userId,
  read: async (snapshot, { userId }) => {
    const memberships = await listMemberships(snapshot, { userId });
    const invalidatedBy = [
      ...dependsOn(ownChanges, { userId }),
      // Whoever had not read it has one less to read.
      ...memberships.flatMap(({ chatId }) => dependsOn(['message.deleted'], { chatId })),
    ];
    return {
      ...ownOf(memberships),
      invalidatedBy,
      updatedBy: dependsOn(['message'], { userId }),
    };
  },
  // Whoever posts has read the chat up to there.
  applyEvents: ({ memberships }, events) => {
    const posts = new Map(events.map(({ chatId, payload }) => [chatId, payload]));
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

function afterPost(membership: Membership, news: MessagePayload | undefined): Membership {
  // What was read may have been told only afterwards.
  if (news === undefined || news.message.id <= membership.readId) return membership;
  return { ...membership, readId: news.message.id, seen: news.posted, mentions: 0 };
}

/** The list as it goes out, as JSON, by latest activity, newest first. */
export async function readList(db: QueryCache, userId: number): Promise<Buffer> {
  const list = await currentList(db, userId);
  list.body ??= listBody(list.lines, userId);
  return list.body;
}

/** A part of the list as it goes out. */
export interface ListPage {
  readonly body: Buffer;
  /** Where the next page begins: its `before`; undefined if there is none. */
  readonly next: number | undefined;
}

/**
 * The chats of which the latest activity is older than an event: `limit` of them, or fewer where they
 * would be more than `pageBytes`. What is active meanwhile moves to the front.
 *
 * @param before the id of that event.
 */
export async function readListPage(
  db: QueryCache,
  userId: number,
  { before, limit }: { before: number; limit: number },
): Promise<ListPage> {
  const { lines } = await currentList(db, userId);
  const at = lines.findIndex(({ chat }) => chat.activity < before);
  const rest = at === -1 ? [] : lines.slice(at);
  const page = firstThatFit(rest.slice(0, limit), userId);
  const next = page.length < rest.length ? page.at(-1)?.chat.activity : undefined;
  return { body: listBody(page, userId), next };
}

/** As many lines as a page may have; one at least, if there is one. */
function firstThatFit(lines: readonly Line[], userId: number): readonly Line[] {
  let bytes = start.length + end.length;
  const tooMany = lines.findIndex((line, index) => {
    bytes += Buffer.byteLength(part(line, userId)) + ','.length;
    return bytes > pageBytes && index > 0;
  });
  return tooMany === -1 ? lines : lines.slice(0, tooMany);
}

/** A page has at most this many bytes, unless its only chat has more. */
const pageBytes = 256 * 1024;

async function currentList(db: QueryCache, userId: number): Promise<List> {
  const own = await db.cached(ownMemberships, { userId });
  if (own.list !== undefined && isRight(own.list, db)) return own.list;
  const { changes: asOf } = db;
  const lines = await readLines(db, own.memberships, userId);
  own.list = { lines: lines.sort(byActivity), asOf };
  return own.list;
}

function isRight(list: List, db: QueryCache): boolean {
  // Where nothing at all has changed, no chat has: to look at each takes longer than the rest.
  if (list.asOf === db.changes) return true;
  const isHeld = list.lines.every(
    ({ chat, partner }) => db.isCurrent(chat) && (partner === undefined || db.isCurrent(partner)),
  );
  if (isHeld) list.asOf = db.changes;
  return isHeld;
}

async function readLines(
  db: QueryCache,
  memberships: readonly Membership[],
  userId: number,
): Promise<Line[]> {
  const chatIds = memberships.map(({ chatId }) => chatId);
  const chats = await db.cachedMany(chatSummaries, chatIds);
  const partnerIds = chats.flatMap((chat) => (chat?.pair ? chat.pair - userId : []));
  const names = await db.cachedMany(userNames, partnerIds);
  const partners = names.values();
  return memberships.flatMap((membership, index) => {
    const chat = chats[index];
    // It was left and deleted since the memberships were read.
    if (chat === undefined) return [];
    return { chat, membership, partner: chat.pair ? partners.next().value : undefined };
  });
}

const start = '{"chats":[';
const end = ']}';

function listBody(lines: readonly Line[], userId: number): Buffer {
  // Texts are added, not joined: they are then copied once, as the bytes that go out.
  let list = '';
  for (const line of lines) {
    if (list !== '') list += ',';
    list += part(line, userId);
  }
  return joinBytes(start, list, end);
}

function byActivity(one: Line, other: Line): number {
  return other.chat.activity - one.chat.activity;
}

function part({ chat, membership, partner }: Line, userId: number): string {
  const { seen, readId, mentions, notify } = membership;
  // Who has written last has read all before.
  const unread = chat.lastSenderId === userId ? 0 : chat.posted - seen;
  const name = partner?.name;
  let text = chat.head + (name === undefined ? chat.title : JSON.stringify(name));
  if (unread > 0) text += `,"unread":${unread},"read_id":${readId}`;
  if (mentions > 0) text += `,"mentions":${mentions}`;
  if (partner?.isDisabled) text += ',"disabled":true';
  if (notify !== 'all') text += `,"notify":"${notify}"`;
  return text + chat.tail;
}
