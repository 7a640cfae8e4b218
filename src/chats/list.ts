/**
 * The list of a user's chats. An entry has two parts, which are cached separately: the chat's part
 * is the same for all its members and changes with each message (chat-summary.ts), and the member's
 * part changes when they read. So a message to a chat of thousands changes one entry in memory.
 */

import {
  type CachedQuery,
  dependsOn,
  type QueryCache,
  whenReady,
} from '../db/cache/cached-query.ts';
import type { MessagePayload } from '../db/unit-of-work.ts';
import { type ByteString, toBuffer, toByteString } from '../http/bytes.ts';
import { countThatFit } from '../http/paging.ts';
import { listMemberships } from '../members/queries.ts';
import { type Named, userNames } from '../users/names.ts';
import { type ChatSummary, chatSummaries } from './chat-summary.ts';

type Membership = Awaited<ReturnType<typeof listMemberships>>[number];

/** A user's memberships, and the list last built from them. */
interface Own {
  readonly memberships: readonly Membership[];
  list?: List;
}

interface List {
  /** By latest activity, newest first. */
  readonly entries: readonly Entry[];
  /** The whole list as JSON, once it was requested. */
  body?: Buffer;
  /** The number of changes after which the list was last found to be current. */
  asOf: number;
}

/** An entry of the list. */
interface Entry {
  readonly chat: ChatSummary;
  readonly membership: Membership;
  /** The other person of a direct chat, whose name is its title. */
  readonly partner: Named | undefined;
}

const ownChanges = ['member.joined', 'member.left', 'mention', 'read', 'notify'] as const;

/** The approximate size of a membership and its part of the list in memory, in bytes. */
const membershipBytes = 400;

/** The chats that a user is a member of, and how far they have read. */
const ownMemberships: CachedQuery<{ userId: number }, Own> = {
  key: ({ userId }) => userId,
  read: async (snapshot, { userId }) => {
    const memberships = await listMemberships(snapshot, { userId });
    const invalidatedBy = [
      ...dependsOn(ownChanges, { userId }),
      // Members who had not read the message have one unread message less.
      ...memberships.flatMap(({ chatId }) => dependsOn(['message.deleted'], { chatId })),
    ];
    return {
      ...ownOf(memberships),
      invalidatedBy,
      updatedBy: dependsOn(['message'], { userId }),
    };
  },
  // Posting marks the chat as read up to the new message.
  applyEvent: ({ memberships }, { chatId, payload }) => {
    if (payload === undefined) return undefined;
    return ownOf(memberships.map((one) => (one.chatId === chatId ? afterPost(one, payload) : one)));
  },
};

function ownOf(memberships: readonly Membership[]) {
  const value: Own = { memberships };
  return { value, bytes: memberships.length * membershipBytes };
}

function afterPost(membership: Membership, { message, posted }: MessagePayload): Membership {
  // The row may have been read after the commit but before its event arrived.
  if (message.id <= membership.readId) return membership;
  return { ...membership, readId: message.id, seen: posted, mentions: 0 };
}

/** The whole list as JSON, by latest activity, newest first; not a promise if it is cached. */
export function readList(db: QueryCache, userId: number): Buffer | Promise<Buffer> {
  return whenReady(currentList(db, userId), (list) => {
    list.body ??= listBody(list.entries.map((entry) => toJson(entry, userId)));
    return list.body;
  });
}

/** A page of the list, as JSON. */
export interface ListPage {
  readonly body: Buffer;
  /** The `before` of the next page; undefined if this page is the last. */
  readonly next: number | undefined;
}

/**
 * The chats whose latest activity is older than an event: `limit` of them, or fewer where they
 * would exceed `pageBytes`. Chats that become active between two pages move to the front of the
 * list.
 *
 * @param before the id of that event.
 */
export async function readListPage(
  db: QueryCache,
  userId: number,
  { before, limit }: { before: number; limit: number },
): Promise<ListPage> {
  const { entries } = await currentList(db, userId);
  const at = entries.findIndex(({ chat }) => chat.activity < before);
  const rest = at === -1 ? [] : entries.slice(at);
  const texts = rest.slice(0, limit).map((entry) => toJson(entry, userId));
  const count = countThatFit(texts.map(({ length }) => length));
  const next = count < rest.length ? rest[count - 1]?.chat.activity : undefined;
  return { body: listBody(texts.slice(0, count)), next };
}

function currentList(db: QueryCache, userId: number): List | Promise<List> {
  return whenReady(db.cached(ownMemberships, { userId }), (own) =>
    own.list !== undefined && isCurrent(own.list, db) ? own.list : buildList(db, own, userId),
  );
}

function buildList(db: QueryCache, own: Own, userId: number): List | Promise<List> {
  const { changes: asOf } = db;
  return whenReady(readEntries(db, own.memberships, userId), (entries) => {
    own.list = { entries: entries.sort(byActivity), asOf };
    return own.list;
  });
}

function isCurrent(list: List, db: QueryCache): boolean {
  // If nothing at all has changed, no chat has. Checking each one takes longer than all the rest.
  if (list.asOf === db.changes) return true;
  const areCurrent = list.entries.every(
    ({ chat, partner }) => db.isCurrent(chat) && (partner === undefined || db.isCurrent(partner)),
  );
  if (areCurrent) list.asOf = db.changes;
  return areCurrent;
}

function readEntries(
  db: QueryCache,
  memberships: readonly Membership[],
  userId: number,
): Entry[] | Promise<Entry[]> {
  const chatIds = memberships.map(({ chatId }) => chatId);
  return whenReady(db.cachedMany(chatSummaries, chatIds), (chats) => {
    const partnerIds = chats.flatMap((chat) => (chat?.pair ? chat.pair - userId : []));
    return whenReady(db.cachedMany(userNames, partnerIds), (names) =>
      joinEntries(memberships, chats, names),
    );
  });
}

/** @param names the partners of the direct chats, in their order. */
function joinEntries(
  memberships: readonly Membership[],
  chats: readonly (ChatSummary | undefined)[],
  names: readonly Named[],
): Entry[] {
  const partners = names.values();
  return memberships.flatMap((membership, index) => {
    const chat = chats[index];
    // The user left it, and it was deleted, after the memberships were read.
    if (chat === undefined) return [];
    return { chat, membership, partner: chat.pair ? partners.next().value : undefined };
  });
}

function listBody(texts: readonly ByteString[]): Buffer {
  // Concatenation copies the texts once, into the bytes that are sent; `join` would copy them
  // twice.
  let body = '{"chats":[';
  for (const [index, text] of texts.entries()) body += index === 0 ? text : `,${text}`;
  return toBuffer(`${body}]}`);
}

function byActivity(one: Entry, other: Entry): number {
  return other.chat.activity - one.chat.activity;
}

function toJson({ chat, membership, partner }: Entry, userId: number): ByteString {
  const { seen, readId, mentions, notify } = membership;
  // The sender of the last message has read everything before it.
  const unread = chat.lastSenderId === userId ? 0 : chat.posted - seen;
  const name = partner?.name;
  let text = chat.head + (name === undefined ? chat.title : toByteString(JSON.stringify(name)));
  if (unread > 0) text += `,"unread":${unread},"read_id":${readId}`;
  if (mentions > 0) text += `,"mentions":${mentions}`;
  if (partner?.isDisabled) text += ',"disabled":true';
  if (partner !== undefined && name === undefined) text += ',"gone":true';
  if (notify !== 'all') text += `,"notify":"${notify}"`;
  return text + chat.tail;
}
