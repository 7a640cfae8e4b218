import { and, asc, count, desc, eq, gt, lte, max, sql } from 'drizzle-orm';
import { exec, one, type Params, row, rows } from '../db/query/query.ts';
import { yetToAdd } from '../db/query/seen.ts';
import { chats, idempotencyKeys, memberships, messages } from '../db/query/tables.ts';

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
