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

/** Ids of messages of a chat that are smaller than an id, the largest first. */
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

/** Ids of messages of a chat that are larger than an id, the smallest first. */
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
 * The ids of the first users who reacted with an emoji, as a JSON array. Drizzle takes the tables off the columns
 * of an expression, but not off those of one within it.
 */
const firstUsers = sql<string>`${sql`(
  select json_group_array(user_id) from (
    select ${reactions.userId} from ${reactions}
    where ${reactions.chatId} = ${reactionCounts.chatId}
      and ${reactions.messageId} = ${reactionCounts.messageId}
      and ${reactions.emoji} = ${reactionCounts.emoji}
    order by ${reactions.userId} limit ${shownUsers}
  ))`}`;

/** The reactions to a message, in the order of the emoji. */
export const listReactions = rows((orm, p: Params<{ chatId: number; messageId: number }>) =>
  orm
    .select({ emoji: reactionCounts.emoji, count: reactionCounts.count, userIds: firstUsers })
    .from(reactionCounts)
    .where(and(eq(reactionCounts.chatId, p.chatId), eq(reactionCounts.messageId, p.messageId)))
    .orderBy(asc(reactionCounts.emoji)),
);

/** A user's reactions that messages from one id to another may not show: more users gave them. */
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

/** How many bytes the texts of a chat's messages from one id to another have. */
export const weighMessages = one((orm, p: PageRange) =>
  orm
    .select({ bytes: sql<number>`coalesce(sum(${textBytes}), 0)` })
    .from(messages)
    .where(isInRange(p)),
);

const sizes = { id: messages.id, bytes: textBytes };

/** The same of each message, the oldest first. */
export const listSizesUp = rows((orm, p: PageRange) =>
  orm.select(sizes).from(messages).where(isInRange(p)).orderBy(asc(messages.id)),
);

/** The same of each message, the newest first. */
export const listSizesDown = rows((orm, p: PageRange) =>
  orm.select(sizes).from(messages).where(isInRange(p)).orderBy(desc(messages.id)),
);

/**
 * The messages of a chat from one id to another as the body of an answer, to the letter as wire.ts
 * writes them. It takes half of what rows would that become objects and then text. `group_concat`
 * takes them in the order of the subquery, which SQLite keeps for it (its own test tkt2942.test holds
 * it to that); asked for an order itself, it would sort all texts, in half as long again.
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

/** Asked once for all: most pages have none, and need not look for those of each message. */
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

/** Shows a new message as the last one of its chat, and counts it. */
export const addLastMessage = one((orm, p: Params<LastMessage>) =>
  orm
    .update(chats)
    .set({ ...lastMessage(p), posted: sql`${chats.posted} + 1` })
    .where(eq(chats.id, p.chatId))
    .returning({ posted: chats.posted }),
);

/** Shows an older message as the last one of its chat. */
export const showLastMessage = exec((orm, p: Params<LastMessage>) =>
  orm.update(chats).set(lastMessage(p)).where(eq(chats.id, p.chatId)),
);

/** Shows no message as the last one of a chat if it has been this one. */
export const clearLastMessage = row((orm, p: Params<Key>) =>
  orm
    .update(chats)
    .set({ lastMessageId: null, lastMessage: null, lastMessageAt: null, lastSenderId: null })
    .where(and(eq(chats.id, p.chatId), eq(chats.lastMessageId, p.id)))
    .returning({ id: chats.id }),
);

/** Shows a message's new text where it is the last one of its chat. */
export const updateLastMessage = exec((orm, p: Params<Key & { content: string }>) =>
  orm
    .update(chats)
    .set({ lastMessage: p.content })
    .where(and(eq(chats.id, p.chatId), eq(chats.lastMessageId, p.id))),
);

/**
 * How many messages of a chat are newer than one id and not newer than another, and the last of them;
 * no more than `limit`.
 */
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

/** Moves a member's mark. @param seen with what deletions are yet to add to it. */
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

/** What a key has posted, unless that is too long ago. */
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

/** Forgets some of the keys that were used too long ago; returns a row for each. */
export const forgetPosted = rows((orm, p: Params<{ before: number; limit: number }>) => {
  const { userId, key, createdAt } = idempotencyKeys;
  const some = orm
    .select({ userId, key })
    .from(idempotencyKeys)
    .where(lte(createdAt, p.before))
    .limit(p.limit);
  return orm.delete(idempotencyKeys).where(sql`(${userId}, ${key}) in ${some}`).returning({ key });
});
