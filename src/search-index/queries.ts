import { and, asc, desc, eq, gt, gte, isNull, lt, lte, sql } from 'drizzle-orm';
import { exec, isAmong, one, type Params, row, rows } from '../db/query/query.ts';
import { search, searchCommands, searchConfig, searchSettings } from '../db/query/search-table.ts';
import { chats, memberships, messages, searchBlocks } from '../db/query/tables.ts';

interface Key {
  chatId: number;
  id: number;
}

export const insertWords = exec((orm, p: Params<{ id: number; words: string; scope: string }>) =>
  orm.insert(search).values({ id: p.id, words: p.words, scope: p.scope }),
);

export const deleteWords = exec((orm, p: Params<{ id: number }>) =>
  orm.delete(search).where(eq(search.id, p.id)),
);

/**
 * Deletes everything in the index from one id up to another, even if there are no such messages.
 */
export const deleteWordsBetween = exec((orm, p: Params<{ first: number; before: number }>) =>
  orm.delete(search).where(and(gte(search.id, p.first), lt(search.id, p.before))),
);

/** Makes FTS5 write what it has collected in this transaction. */
export const flushWords = exec((orm, p: Params<{ command: 'flush' }>) =>
  orm.insert(searchCommands).values({ command: p.command }),
);

const setting = (command: 'automerge' | 'merge', rank: number) =>
  exec((orm, _: Params<Record<never, never>>) =>
    orm
      .insert(searchSettings)
      .values({ command: sql.raw(`'${command}'`), rank: sql.raw(String(rank)) }),
  );

/** https://sqlite.org/fts5.html#the_automerge_configuration_option; 4 is the default. */
export const stopMerging = setting('automerge', 0);
export const resumeMerging = setting('automerge', 4);

/** Returns a row if automatic merging is stopped. */
export const findMergingStopped = row((orm, p: Params<{ key: 'automerge' }>) =>
  orm
    .select({ key: searchConfig.key })
    .from(searchConfig)
    .where(and(eq(searchConfig.key, p.key), eq(searchConfig.value, sql.raw('0')))),
);

/** Merges a few pages of the index; https://sqlite.org/fts5.html#the_merge_command. */
export const mergeSome = setting('merge', 16);

/** The rows changed by this connection: if `mergeSome` adds fewer than 2, it had nothing to do. */
export const countChanges = one((orm, _: Params<Record<never, never>>) =>
  orm.select({ count: sql<number>`total_changes()` }).from(sql`(select 1)`),
);

/** Starts a block with its first message. */
export const insertBlock = exec((orm, p: Params<Key>) =>
  orm.insert(searchBlocks).values({ chatId: p.chatId, firstId: p.id }),
);

/** The block of a message; undefined if the message does not exist. */
export const findBlock = row((orm, p: Params<Key>) =>
  orm
    .select({ block: searchBlocks.firstId })
    .from(messages)
    .innerJoin(
      searchBlocks,
      and(eq(searchBlocks.chatId, messages.chatId), lte(searchBlocks.firstId, messages.id)),
    )
    .where(and(eq(messages.chatId, p.chatId), eq(messages.id, p.id)))
    .orderBy(desc(searchBlocks.firstId))
    .limit(1),
);

/** The messages of all chats older than an id, newest first, to build the index from. */
export const listMessagesBefore = rows((orm, p: Params<{ before: number; limit: number }>) =>
  orm
    .select()
    .from(messages)
    .where(lt(messages.id, p.before))
    .orderBy(desc(messages.id))
    .limit(p.limit),
);

/** The messages of all chats newer than an id, oldest first. */
export const listMessagesAfter = rows((orm, p: Params<{ after: number; limit: number }>) =>
  orm
    .select()
    .from(messages)
    .where(gt(messages.id, p.after))
    .orderBy(asc(messages.id))
    .limit(p.limit),
);

/** The messages of a chat in a range of ids, newest first. */
export const listTextsBefore = rows(
  (orm, p: Params<{ chatId: number; first: number; before: number; limit: number }>) =>
    orm
      .select({ id: messages.id, senderId: messages.senderId, content: messages.content })
      .from(messages)
      .where(
        and(eq(messages.chatId, p.chatId), gte(messages.id, p.first), lt(messages.id, p.before)),
      )
      .orderBy(desc(messages.id))
      .limit(p.limit),
);

/** The ids in a range that match an expression, newest first. */
export const listMatches = rows(
  (orm, p: Params<{ match: string; first: number; before: number; limit: number }>) =>
    orm
      .select({ id: search.id })
      .from(search)
      .where(and(sql`${search} match ${p.match}`, gte(search.id, p.first), lt(search.id, p.before)))
      .orderBy(desc(search.id))
      .limit(p.limit),
);

/** The messages with these ids that are in one of the user's chats, newest first. */
export const listHits = rows((orm, p: Params<{ userId: number; ids: string }>) =>
  orm
    .select({
      chatId: messages.chatId,
      id: messages.id,
      senderId: messages.senderId,
      content: messages.content,
      createdAt: messages.createdAt,
    })
    .from(messages)
    .innerJoin(
      memberships,
      and(eq(memberships.chatId, messages.chatId), eq(memberships.userId, p.userId)),
    )
    .innerJoin(chats, and(eq(chats.id, messages.chatId), isNull(chats.deletedAt)))
    .where(isAmong(messages.id, p.ids))
    .orderBy(desc(messages.id)),
);
