import { and, asc, desc, eq, gte, isNull, lt, lte, max, type SQL, sql } from 'drizzle-orm';
import { change, isAmong, type Params, row, rows } from '../db/query.ts';
import { search, searchCommands } from '../db/search-table.ts';
import { chats, memberships, messages, searchBlocks } from '../db/tables.ts';

interface Key {
  chatId: number;
  id: number;
}

export const insertWords = change((orm, $: Params<{ id: number; words: string; scope: string }>) =>
  orm.insert(search).values({ id: $.id, words: $.words, scope: $.scope }),
);

export const deleteWords = change((orm, $: Params<{ id: number }>) =>
  orm.delete(search).where(eq(search.id, $.id)),
);

/** Deletes all that the index has from one id up to another, whether there are such messages or not. */
export const deleteWordsBetween = change((orm, $: Params<{ first: number; before: number }>) =>
  orm.delete(search).where(and(gte(search.id, $.first), lt(search.id, $.before))),
);

/** https://sqlite.org/fts5.html#the_delete_all_command */
export const clearWords = change((orm, $: Params<{ command: 'delete-all' }>) =>
  orm.insert(searchCommands).values({ command: $.command }),
);

/** Opens a block with its first message. */
export const insertBlock = change((orm, $: Params<Key>) =>
  orm.insert(searchBlocks).values({ chatId: $.chatId, firstId: $.id }),
);

/** The block of a message; undefined if there is no such message. */
export const findBlock = row((orm, $: Params<Key>) =>
  orm
    .select({ block: sql<number>`(${blockOf(orm, $)})` })
    .from(messages)
    .where(and(eq(messages.chatId, $.chatId), eq(messages.id, $.id))),
);

const blockOf = (orm: Parameters<Parameters<typeof row>[0]>[0], $: Params<Key>): SQL =>
  orm
    .select({ block: max(searchBlocks.firstId) })
    .from(searchBlocks)
    .where(and(eq(searchBlocks.chatId, $.chatId), lte(searchBlocks.firstId, $.id)))
    .getSQL();

/** The messages of all chats that are older than an id, newest first, for the making of the index. */
export const listMessagesBefore = rows((orm, $: Params<{ before: number; limit: number }>) =>
  orm
    .select()
    .from(messages)
    .where(lt(messages.id, $.before))
    .orderBy(desc(messages.id))
    .limit($.limit),
);

/** The messages of a chat that are older than an id, newest first. */
export const listTextsBefore = rows(
  (orm, $: Params<{ chatId: number; before: number; limit: number }>) =>
    orm
      .select({ id: messages.id, senderId: messages.senderId, content: messages.content })
      .from(messages)
      .where(and(eq(messages.chatId, $.chatId), lt(messages.id, $.before)))
      .orderBy(desc(messages.id))
      .limit($.limit),
);

const block = {
  chatId: searchBlocks.chatId,
  firstId: searchBlocks.firstId,
  /** The newest message of the chat. */
  lastId: chats.lastMessageId,
};

/** The blocks of a user's chats that have messages older than an id: chat by chat, oldest first. */
export const listBlocks = rows((orm, $: Params<{ userId: number; before: number }>) =>
  orm
    .select(block)
    .from(memberships)
    .innerJoin(searchBlocks, eq(searchBlocks.chatId, memberships.chatId))
    .innerJoin(chats, and(eq(chats.id, memberships.chatId), isNull(chats.deletedAt)))
    .where(and(eq(memberships.userId, $.userId), lt(searchBlocks.firstId, $.before)))
    .orderBy(asc(memberships.chatId), asc(searchBlocks.firstId)),
);

/** The same of one chat. */
export const listBlocksOf = rows((orm, $: Params<{ chatId: number; before: number }>) =>
  orm
    .select(block)
    .from(searchBlocks)
    .innerJoin(chats, eq(chats.id, searchBlocks.chatId))
    .where(and(eq(searchBlocks.chatId, $.chatId), lt(searchBlocks.firstId, $.before)))
    .orderBy(asc(searchBlocks.firstId)),
);

/** The ids from one up to another that fit an expression, newest first. */
export const listMatches = rows(
  (orm, $: Params<{ match: string; first: number; before: number; limit: number }>) =>
    orm
      .select({ id: search.id })
      .from(search)
      .where(and(sql`${search} match ${$.match}`, gte(search.id, $.first), lt(search.id, $.before)))
      .orderBy(desc(search.id))
      .limit($.limit),
);

/** Those of some messages that are in one of the user's chats, newest first. */
export const listHits = rows((orm, $: Params<{ userId: number; ids: string }>) =>
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
      and(eq(memberships.chatId, messages.chatId), eq(memberships.userId, $.userId)),
    )
    .innerJoin(chats, and(eq(chats.id, messages.chatId), isNull(chats.deletedAt)))
    .where(isAmong(messages.id, $.ids))
    .orderBy(desc(messages.id)),
);
