/** The queries for pages of messages. */

import { and, asc, desc, eq, gt, lt } from 'drizzle-orm';
import { type Params, row, rows } from '../db/query/query.ts';
import { messages } from '../db/query/tables.ts';

type Side = Params<{ chatId: number; id: number; limit: number }>;

const message = {
  id: messages.id,
  senderId: messages.senderId,
  content: messages.content,
  createdAt: messages.createdAt,
  editedAt: messages.editedAt,
  replyTo: messages.replyTo,
};

const isOlder = (p: Params<{ chatId: number; id: number }>) =>
  and(eq(messages.chatId, p.chatId), lt(messages.id, p.id));

/** A chat's messages before an id, newest first. */
export const listBefore = rows((orm, p: Side) =>
  orm.select(message).from(messages).where(isOlder(p)).orderBy(desc(messages.id)).limit(p.limit),
);

/** A chat's messages after an id, oldest first. */
export const listAfter = rows((orm, p: Side) =>
  orm
    .select(message)
    .from(messages)
    .where(and(eq(messages.chatId, p.chatId), gt(messages.id, p.id)))
    .orderBy(asc(messages.id))
    .limit(p.limit),
);

/** A message of a chat before an id. */
export const findOlder = row((orm, p: Params<{ chatId: number; id: number }>) =>
  orm.select({ id: messages.id }).from(messages).where(isOlder(p)).limit(1),
);
