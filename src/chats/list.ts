/**
 * The list of a user's chats. An entry has two parts, which are cached separately: the chat's part
 * is the same for all its members and changes with each message (chat-summary.ts), and the member's
 * part changes when they read (own-memberships.ts). So a message to a chat of thousands changes one
 * entry in memory. When a member requests the list again, only the chats that changed are replaced.
 */

import { type QueryCache, whenReady } from '../db/cache/cached-query.ts';
import type { Reads } from '../db/query/query.ts';
import { type ByteString, toBuffer, toByteString } from '../http/bytes.ts';
import { countThatFit } from '../http/paging.ts';
import { type Named, userNames } from '../users/names.ts';
import { type ChatSummary, chatSummaries } from './chat-summary.ts';
import { type Membership, type OwnMemberships, ownMemberships } from './own-memberships.ts';
import { type Entry, SortedChats } from './sorted-chats.ts';

type Database = QueryCache & Reads;

/** If more than this share of the list has changed, rebuilding it is faster than updating it. */
const rebuildShare = 1 / 8;

/** The whole list as JSON, by latest activity, newest first; not a promise if it is cached. */
export function readList(db: Database, userId: number): Buffer | Promise<Buffer> {
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
  db: Database,
  userId: number,
  { before, limit }: { before: number; limit: number },
): Promise<ListPage> {
  const list = await currentList(db, userId);
  const first = list.positionBefore(before);
  const page = list.entries.slice(first, first + limit);
  const texts = page.map((entry) => toJson(entry, userId));
  const count = countThatFit(texts.map(({ length }) => length));
  const isLast = first + count === list.entries.length;
  return {
    body: listBody(texts.slice(0, count)),
    next: isLast ? undefined : page[count - 1]?.chat.activity,
  };
}

function currentList(db: Database, userId: number): SortedChats | Promise<SortedChats> {
  return whenReady(db.cached(ownMemberships, { userId }), (own) => {
    const { list } = own;
    if (list === undefined) return buildList(db, own);
    // If nothing at all has changed, no chat has.
    if (list.asOf === db.changes) return list;
    const changed = changedChats(db, own, list);
    return changed.length > list.entries.length * rebuildShare
      ? buildList(db, own)
      : updateList(db, own, list, changed);
  });
}

/** The chats whose entries in the list are out of date. */
function changedChats(db: Database, own: OwnMemberships, list: SortedChats): number[] {
  const changes = db.changesSince(list.asOf);
  const isFew = changes !== undefined && changes.length < list.entries.length;
  const suspects = isFew ? list.touchedBy(changes) : list.entries;
  return suspects
    .filter(
      ({ chat, membership, partner }) =>
        !db.isCurrent(chat) ||
        !own.isCurrent(membership) ||
        (partner !== undefined && !db.isCurrent(partner)),
    )
    .map(({ chat }) => chat.id);
}

function buildList(db: Database, own: OwnMemberships) {
  const asOf = db.changes;
  return whenReady(readEntries(db, own, own.chatIds), (entries) => {
    own.list = new SortedChats(own.userId, entries);
    own.list.asOf = asOf;
    return own.list;
  });
}

/** Replaces the entries of chats that have changed. */
function updateList(
  db: Database,
  own: OwnMemberships,
  list: SortedChats,
  changed: readonly number[],
) {
  const asOf = db.changes;
  return whenReady(readEntries(db, own, changed), (entries) => {
    if (changed.length > 0) list.replace(changed, entries);
    list.asOf = asOf;
    return list;
  });
}

function readEntries(
  db: Database,
  own: OwnMemberships,
  chatIds: readonly number[],
): Entry[] | Promise<Entry[]> {
  return whenReady(own.of(db, chatIds), (memberships) => {
    const ids = memberships.map(({ chatId }) => chatId);
    return whenReady(db.cachedMany(chatSummaries, ids), (chats) => {
      const partnerIds = chats.flatMap((chat) => (chat?.pair ? chat.pair - own.userId : []));
      return whenReady(db.cachedMany(userNames, partnerIds), (names) =>
        joinEntries(memberships, chats, names),
      );
    });
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

function toJson({ chat, membership, partner }: Entry, userId: number): ByteString {
  const { seen, readId, mentions, notify } = membership;
  // The sender of the last message has read everything before it.
  const unread = chat.lastSenderId === userId ? 0 : chat.posted - seen;
  const name = partner?.name;
  let text = chat.head + (name === undefined ? chat.title : toByteString(JSON.stringify(name)));
  if (unread > 0) text += `,"unread":${unread},"read_id":${readId}`;
  if (mentions > 0) text += `,"mentions":${mentions}`;
  if (chat.pair !== null) text += `,"partner_id":${chat.pair - userId}`;
  if (partner?.isDisabled) text += ',"disabled":true';
  if (partner !== undefined && name === undefined) text += ',"gone":true';
  if (notify !== 'all') text += `,"notify":"${notify}"`;
  return text + chat.tail;
}
