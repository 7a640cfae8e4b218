import { desc, eq, sql } from 'drizzle-orm';
import { change, type Params, row, rows } from '../db/query.ts';
import { chats, memberships } from '../db/tables.ts';

export const findChat = row((orm, $: Params<{ id: number }>) =>
  orm.select({ id: chats.id }).from(chats).where(eq(chats.id, $.id)),
);

/** A user's chats by latest activity, newest first. */
export const listChats = rows((orm, $: Params<{ userId: number }>) =>
  orm
    .select({
      id: chats.id,
      lastMessage: chats.lastMessage,
      lastMessageAt: chats.lastMessageAt,
      lastSenderId: chats.lastSenderId,
      title: chats.title,
    })
    .from(memberships)
    .innerJoin(chats, eq(chats.id, memberships.chatId))
    .where(eq(memberships.userId, $.userId))
    .orderBy(desc(sql`coalesce(${chats.lastMessageId}, ${chats.id})`)),
);

export const insertChat = change(
  (orm, $: Params<{ id: number; title: string; createdAt: number }>) =>
    orm.insert(chats).values({ id: $.id, title: $.title, createdAt: $.createdAt }),
);

export const updateTitle = change((orm, $: Params<{ id: number; title: string }>) =>
  orm.update(chats).set({ title: $.title }).where(eq(chats.id, $.id)),
);

export const deleteChat = change((orm, $: Params<{ id: number }>) =>
  orm.delete(chats).where(eq(chats.id, $.id)),
);
