/** The queries for pages of messages. */

import { and, asc, between, desc, eq, gt, lt, sql } from 'drizzle-orm';
import { one, type Params, rows } from '../db/query/query.ts';
import { messages } from '../db/query/tables.ts';

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

/** The messages of a range, oldest first. */
export const listMessages = rows((orm, p: PageRange) =>
  orm.select().from(messages).where(isInRange(p)).orderBy(asc(messages.id)),
);
