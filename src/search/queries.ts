import { and, asc, desc, eq, gt, lt, sql } from 'drizzle-orm';
import { change, type Params, row, rows } from '../db/query.ts';
import { search, searchCommands } from '../db/search-table.ts';
import { memberships, messages } from '../db/tables.ts';

export const insertWords = change((orm, $: Params<{ id: number; words: string; scope: string }>) =>
  orm.insert(search).values({ id: $.id, words: $.words, scope: $.scope }),
);

export const deleteWords = change((orm, $: Params<{ id: number }>) =>
  orm.delete(search).where(eq(search.id, $.id)),
);

/** Whether a message is there: a row if so. */
export const findMessageId = row((orm, $: Params<{ id: number }>) =>
  orm.select({ id: messages.id }).from(messages).where(eq(messages.id, $.id)),
);

/** https://sqlite.org/fts5.html#the_delete_all_command */
export const clearWords = change((orm, $: Params<{ command: 'delete-all' }>) =>
  orm.insert(searchCommands).values({ command: $.command }),
);

/** The messages of all chats from an id on, for the making of the index. */
export const listMessagesAfter = rows((orm, $: Params<{ after: number; limit: number }>) =>
  orm
    .select()
    .from(messages)
    .where(gt(messages.id, $.after))
    .orderBy(asc(messages.id))
    .limit($.limit),
);

/** A row if anything at all fits an expression. */
export const findAnyMatch = row((orm, $: Params<{ match: string }>) =>
  orm.select({ id: search.id }).from(search).where(sql`${search} match ${$.match}`).limit(1),
);

/**
 * The messages older than an id that fit an expression and are in one of the user's chats, newest
 * first. The index comes first in the order of its rows: a cross join keeps SQLite from changing that.
 */
export const findHits = rows(
  (orm, $: Params<{ userId: number; match: string; before: number; limit: number }>) =>
    orm
      .select({
        chatId: messages.chatId,
        id: messages.id,
        senderId: messages.senderId,
        content: messages.content,
        createdAt: messages.createdAt,
      })
      .from(search)
      .crossJoin(messages)
      .crossJoin(memberships)
      .where(
        and(
          sql`${search} match ${$.match}`,
          lt(search.id, $.before),
          eq(messages.id, search.id),
          eq(memberships.userId, $.userId),
          eq(memberships.chatId, messages.chatId),
        ),
      )
      .orderBy(desc(search.id))
      .limit($.limit),
);

/** The id of the newest message of all. */
export const findNewestId = row((orm, _: Params<Record<never, never>>) =>
  orm.select({ id: messages.id }).from(messages).orderBy(desc(messages.id)).limit(1),
);
