import {
  and,
  asc,
  between,
  count,
  desc,
  eq,
  gt,
  lt,
  lte,
  max,
  min,
  type SQL,
  type SQLWrapper,
  sql,
} from 'drizzle-orm';
import { exec, one, type Params, row, rows } from '../db/query/query.ts';
import { yetToAdd } from '../db/query/seen.ts';
import {
  chats,
  idempotencyKeys,
  memberships,
  messages,
  reactionCounts,
  reactions,
} from '../db/query/tables.ts';

interface Key {
  chatId: number;
  id: number;
}

interface MessageValues extends Key {
  senderId: number;
  content: string;
  createdAt: number;
  replyTo: number | null;
}

const isKey = (p: Params<Key>) => and(eq(messages.chatId, p.chatId), eq(messages.id, p.id));

/** The ids of a chat's messages below an id, largest first. */
export const listIdsBefore = rows(
  (orm, p: Params<{ chatId: number; before: number; skipped: number; limit: number }>) =>
    orm
      .select({ id: messages.id })
      .from(messages)
      .where(and(eq(messages.chatId, p.chatId), lt(messages.id, p.before)))
      .orderBy(desc(messages.id))
      .limit(p.limit)
      .offset(p.skipped),
);

/** The ids of a chat's messages above an id, smallest first. */
export const listIdsAfter = rows(
  (orm, p: Params<{ chatId: number; after: number; skipped: number; limit: number }>) =>
    orm
      .select({ id: messages.id })
      .from(messages)
      .where(and(eq(messages.chatId, p.chatId), gt(messages.id, p.after)))
      .orderBy(asc(messages.id))
      .limit(p.limit)
      .offset(p.skipped),
);

export const findNewest = row((orm, p: Params<{ chatId: number }>) =>
  orm
    .select()
    .from(messages)
    .where(eq(messages.chatId, p.chatId))
    .orderBy(desc(messages.id))
    .limit(1),
);

export const findMessage = row((orm, p: Params<Key>) =>
  orm.select().from(messages).where(isKey(p)),
);

export const insertMessage = exec((orm, p: Params<MessageValues>) =>
  orm.insert(messages).values({
    chatId: p.chatId,
    id: p.id,
    senderId: p.senderId,
    content: p.content,
    createdAt: p.createdAt,
    replyTo: p.replyTo,
  }),
);

export const updateContent = exec((orm, p: Params<Key & { content: string; editedAt: number }>) =>
  orm.update(messages).set({ content: p.content, editedAt: p.editedAt }).where(isKey(p)),
);

export const deleteMessageRow = exec((orm, p: Params<Key>) => orm.delete(messages).where(isKey(p)));

/** A message shows at most this many of the users who reacted with an emoji. */
const shownUsers = sql.raw('10');

/**
 * The ids of the first users who reacted with an emoji, as a JSON array. The expression is nested
 * in another one because Drizzle strips the table names from the columns of the outermost one only.
 */
const firstUsers = sql<string>`${sql`(
  select json_group_array(user_id) from (
    select ${reactions.userId} from ${reactions}
    where ${reactions.chatId} = ${reactionCounts.chatId}
      and ${reactions.messageId} = ${reactionCounts.messageId}
      and ${reactions.emoji} = ${reactionCounts.emoji}
    order by ${reactions.userId} limit ${shownUsers}
  ))`}`;

/** The reactions to a message, ordered by emoji. */
export const listReactions = rows((orm, p: Params<{ chatId: number; messageId: number }>) =>
  orm
    .select({ emoji: reactionCounts.emoji, count: reactionCounts.count, userIds: firstUsers })
    .from(reactionCounts)
    .where(and(eq(reactionCounts.chatId, p.chatId), eq(reactionCounts.messageId, p.messageId)))
    .orderBy(asc(reactionCounts.emoji)),
);

/** A user's reactions that a range of messages may not show, because too many users share them. */
export const listOwnReactions = rows(
  (orm, p: Params<{ chatId: number; userId: number; first: number; last: number }>) =>
    orm
      .select({ id: reactions.messageId, emoji: reactions.emoji })
      .from(reactions)
      .crossJoin(reactionCounts)
      .where(
        and(
          eq(reactions.chatId, p.chatId),
          eq(reactions.userId, p.userId),
          between(reactions.messageId, p.first, p.last),
          eq(reactionCounts.chatId, reactions.chatId),
          eq(reactionCounts.messageId, reactions.messageId),
          eq(reactionCounts.emoji, reactions.emoji),
          gt(reactionCounts.count, shownUsers),
        ),
      )
      .orderBy(asc(reactions.messageId)),
);

type PageRange = Params<{ chatId: number; first: number; last: number }>;

const isInRange = (p: PageRange) =>
  and(eq(messages.chatId, p.chatId), between(messages.id, p.first, p.last));

const textBytes = sql<number>`octet_length(${messages.content})`;

/** The total size of the texts in a range of a chat's messages, in bytes. */
export const weighMessages = one((orm, p: PageRange) =>
  orm
    .select({ bytes: sql<number>`coalesce(sum(${textBytes}), 0)` })
    .from(messages)
    .where(isInRange(p)),
);

const sizes = { id: messages.id, bytes: textBytes };

/** The size of each text, oldest message first. */
export const listSizesUp = rows((orm, p: PageRange) =>
  orm.select(sizes).from(messages).where(isInRange(p)).orderBy(asc(messages.id)),
);

/** The size of each text, newest message first. */
export const listSizesDown = rows((orm, p: PageRange) =>
  orm.select(sizes).from(messages).where(isInRange(p)).orderBy(desc(messages.id)),
);

/**
 * A range of a chat's messages as the body of an answer, byte for byte as wire.ts writes them. This
 * takes half the time of turning rows into objects and those into text. `group_concat` takes the
 * rows in the order of the subquery, which SQLite guarantees (its test tkt2942.test checks it);
 * with an `order by` of its own it would sort all texts, which takes 50 % longer.
 */
export const readBody = one((orm, p: PageRange) => {
  const page = orm.select().from(messages).where(isInRange(p)).orderBy(asc(messages.id)).as('page');
  return orm
    .select({
      body: sql<Buffer>`cast('{"messages":[' || coalesce(group_concat(${messageJson(page, p)}, ','), '') || ']}' as blob)`,
      first: min(page.id),
      last: max(page.id),
      count: count(),
      hasManyReactions:
        sql<boolean>`${anyReactions(p, sql`and ${reactionCounts.count} > ${shownUsers}`)}`.mapWith(
          Boolean,
        ),
    })
    .from(page);
});

type Columns = Record<
  'id' | 'senderId' | 'content' | 'createdAt' | 'editedAt' | 'replyTo',
  SQLWrapper
>;

const messageJson = (
  { id, senderId, content, createdAt, editedAt, replyTo }: Columns,
  p: PageRange,
) => sql`format('{"content":%s,"id":%d,"sender_id":%d,"time":"%s"%s%s%s}',
  json_quote(${content}), ${id}, ${senderId}, ${time(createdAt)},
  ${ifThere(editedAt, sql`',"edited":"' || ${time(editedAt)} || '"'`)},
  ${ifThere(replyTo, sql`',"reply_to":' || ${replyTo}`)},
  iif(${anyReactions(p)}, coalesce(${reactionsOf(id, p)}, ''), ''))`;

/** ISO 8601, as `isoTime` writes it. */
function time(ms: SQLWrapper): SQL {
  return sql`replace(datetime(${ms} / 1000.0, 'unixepoch', 'subsec'), ' ', 'T') || 'Z'`;
}

function ifThere(column: SQLWrapper, text: SQL): SQL {
  return sql`iif(${column} is null, '', ${text})`;
}

/**
 * Checked once for the whole page: most have no reactions, and skip the lookup for each message.
 */
const anyReactions = (p: PageRange, which = sql``) =>
  sql`exists (select 1 from ${reactionCounts} where ${reactionCounts.chatId} = ${p.chatId} and ${between(reactionCounts.messageId, p.first, p.last)} ${which})`;

const reactionsOf = (messageId: SQLWrapper, p: PageRange) => sql`(
  select ',"reactions":' || json_group_array(
    json_object('emoji', ${reactionCounts.emoji}, 'count', ${reactionCounts.count}, 'user_ids', json(${firstUsers}))
    order by ${reactionCounts.emoji})
  from ${reactionCounts}
  where ${reactionCounts.chatId} = ${p.chatId} and ${reactionCounts.messageId} = ${messageId}
  having count(*) > 0)`;

type LastMessage = Omit<MessageValues, 'replyTo'>;

const lastMessage = (p: Params<LastMessage>) => ({
  lastMessageId: p.id,
  lastMessage: p.content,
  lastMessageAt: p.createdAt,
  lastSenderId: p.senderId,
});

/** Sets a new message as the last one of its chat, and counts it. */
export const addLastMessage = one((orm, p: Params<LastMessage>) =>
  orm
    .update(chats)
    .set({ ...lastMessage(p), posted: sql`${chats.posted} + 1` })
    .where(eq(chats.id, p.chatId))
    .returning({ posted: chats.posted }),
);

/** Sets an older message as the last one of its chat. */
export const showLastMessage = exec((orm, p: Params<LastMessage>) =>
  orm.update(chats).set(lastMessage(p)).where(eq(chats.id, p.chatId)),
);

/** Clears the last message of a chat if it is this one. */
export const clearLastMessage = row((orm, p: Params<Key>) =>
  orm
    .update(chats)
    .set({ lastMessageId: null, lastMessage: null, lastMessageAt: null, lastSenderId: null })
    .where(and(eq(chats.id, p.chatId), eq(chats.lastMessageId, p.id)))
    .returning({ id: chats.id }),
);

/** Updates the text of a chat's last message if it is this one. */
export const updateLastMessage = exec((orm, p: Params<Key & { content: string }>) =>
  orm
    .update(chats)
    .set({ lastMessage: p.content })
    .where(and(eq(chats.id, p.chatId), eq(chats.lastMessageId, p.id))),
);

/** Counts a chat's messages after one id and up to another, at most `limit`, and finds the last. */
export const countMessages = one(
  (orm, p: Params<{ chatId: number; after: number; upTo: number; limit: number }>) => {
    const found = orm
      .select({ id: messages.id })
      .from(messages)
      .where(and(eq(messages.chatId, p.chatId), gt(messages.id, p.after), lte(messages.id, p.upTo)))
      .orderBy(asc(messages.id))
      .limit(p.limit)
      .as('found');
    return orm.select({ count: count(), last: max(found.id) }).from(found);
  },
);

/** Moves a member's read mark. @param seen including what pending deletions have yet to add. */
export const updateRead = exec(
  (
    orm,
    p: Params<{ chatId: number; userId: number; readId: number; seen: number; mentions: number }>,
  ) =>
    orm
      .update(memberships)
      .set({
        readId: p.readId,
        seen: sql`${p.seen} - ${yetToAdd(p.readId)}`,
        mentions: p.mentions,
      })
      .where(and(eq(memberships.userId, p.userId), eq(memberships.chatId, p.chatId))),
);

/** The message that a key has posted, unless that was too long ago. */
export const findPosted = row((orm, p: Params<{ userId: number; key: string; since: number }>) =>
  orm
    .select({ chatId: idempotencyKeys.chatId, id: idempotencyKeys.messageId })
    .from(idempotencyKeys)
    .where(
      and(
        eq(idempotencyKeys.userId, p.userId),
        eq(idempotencyKeys.key, p.key),
        gt(idempotencyKeys.createdAt, p.since),
      ),
    ),
);

export const rememberPosted = exec(
  (
    orm,
    p: Params<{ userId: number; key: string; chatId: number; messageId: number; now: number }>,
  ) =>
    orm
      .insert(idempotencyKeys)
      .values({
        userId: p.userId,
        key: p.key,
        chatId: p.chatId,
        messageId: p.messageId,
        createdAt: p.now,
      })
      .onConflictDoUpdate({
        target: [idempotencyKeys.userId, idempotencyKeys.key],
        set: { chatId: p.chatId, messageId: p.messageId, createdAt: p.now },
      }),
);

/** Deletes some of the keys that were used too long ago; returns a row for each. */
export const deleteOldKeys = rows((orm, p: Params<{ before: number; limit: number }>) => {
  const { userId, key, createdAt } = idempotencyKeys;
  const some = orm
    .select({ userId, key })
    .from(idempotencyKeys)
    .where(lte(createdAt, p.before))
    .limit(p.limit);
  return orm.delete(idempotencyKeys).where(sql`(${userId}, ${key}) in ${some}`).returning({ key });
});
