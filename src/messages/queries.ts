import { and, asc, desc, eq, gt, lt } from 'drizzle-orm';
import { change, type Params, row, rows } from '../db/query.ts';
import { chats, messages } from '../db/tables.ts';

const page = {
  content: messages.content,
  id: messages.id,
  senderId: messages.senderId,
  createdAt: messages.createdAt,
};

interface MessageValues {
  chatId: number;
  id: number;
  senderId: number;
  content: string;
  createdAt: number;
}

/** The messages of a chat that are older than an id, newest first. */
export const listBefore = rows(
  (orm, $: Params<{ chatId: number; before: number; limit: number }>) =>
    orm
      .select(page)
      .from(messages)
      .where(and(eq(messages.chatId, $.chatId), lt(messages.id, $.before)))
      .orderBy(desc(messages.id))
      .limit($.limit),
);

/** The messages of a chat that are newer than an id, oldest first. */
export const listAfter = rows((orm, $: Params<{ chatId: number; after: number; limit: number }>) =>
  orm
    .select(page)
    .from(messages)
    .where(and(eq(messages.chatId, $.chatId), gt(messages.id, $.after)))
    .orderBy(asc(messages.id))
    .limit($.limit),
);

export const findMessage = row((orm, $: Params<{ chatId: number; id: number }>) =>
  orm
    .select({ senderId: messages.senderId })
    .from(messages)
    .where(and(eq(messages.chatId, $.chatId), eq(messages.id, $.id))),
);

export const insertMessage = change((orm, $: Params<MessageValues>) =>
  orm.insert(messages).values({
    chatId: $.chatId,
    id: $.id,
    senderId: $.senderId,
    content: $.content,
    createdAt: $.createdAt,
  }),
);

export const deleteMessageRow = change((orm, $: Params<{ chatId: number; id: number }>) =>
  orm.delete(messages).where(and(eq(messages.chatId, $.chatId), eq(messages.id, $.id))),
);

/** Shows a message as the last one of its chat. */
export const showLastMessage = change((orm, $: Params<MessageValues>) =>
  orm
    .update(chats)
    .set({
      lastMessageId: $.id,
      lastMessage: $.content,
      lastMessageAt: $.createdAt,
      lastSenderId: $.senderId,
    })
    .where(eq(chats.id, $.chatId)),
);

/** Shows no message as the last one of a chat if it has been this one. */
export const clearLastMessage = row((orm, $: Params<{ chatId: number; id: number }>) =>
  orm
    .update(chats)
    .set({ lastMessageId: null, lastMessage: null, lastMessageAt: null, lastSenderId: null })
    .where(and(eq(chats.id, $.chatId), eq(chats.lastMessageId, $.id)))
    .returning({ id: chats.id }),
);
