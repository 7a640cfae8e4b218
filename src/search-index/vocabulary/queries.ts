import {
  and,
  asc,
  between,
  count,
  eq,
  gt,
  gte,
  isNull,
  lt,
  notExists,
  or,
  type SQL,
  sql,
} from 'drizzle-orm';
import { exec, one, type Params, row, rows, type Snapshot } from '../../db/query/query.ts';
import {
  chats,
  memberships,
  messages,
  searchBlocks,
  searchVocabulary,
  staleWords,
} from '../../db/query/tables.ts';

/** One slot for each word of a query that is looked up in a vocabulary. */
export const slots = [1, 2, 3, 4] as const;

type Slot = (typeof slots)[number];

/** Ranges of words, both ends included; a block must have a word in each. */
export type Wanted = Record<`low${Slot}` | `high${Slot}`, string>;

/** Whether a block, joined with its chat, may have a message with the wanted words. */
function mayHave(orm: Snapshot['orm'], p: Params<Wanted>): SQL | undefined {
  const has = (slot: Slot) =>
    sql`exists ${orm
      .select({ found: sql`1` })
      .from(searchVocabulary)
      .where(
        and(
          eq(searchVocabulary.block, searchBlocks.firstId),
          between(searchVocabulary.word, p[`low${slot}`], p[`high${slot}`]),
        ),
      )}`;
  return or(isBehind, and(...slots.map(has)));
}

/**
 * Whether a block, joined with its chat, may have messages that its vocabulary does not cover. A
 * vocabulary that covers nothing may have old words, even if no messages are left.
 */
const isBehind = lt(searchBlocks.knownTo, sql`coalesce(${chats.lastMessageId}, 1)`);

/** The first message of the next block of the same chat; null for the last block. */
const nextId = sql<number | null>`(select min(next.first_id) from ${searchBlocks} as next
  where next.chat_id = ${searchBlocks.chatId} and next.first_id > ${searchBlocks.firstId})`;

const block = {
  chatId: searchBlocks.chatId,
  firstId: searchBlocks.firstId,
  nextId,
  /** The newest message of the chat. */
  lastId: chats.lastMessageId,
};

/** The blocks of a user's chats that may have the wanted words in messages older than an id. */
export const listBlocks = rows((orm, p: Params<Wanted & { userId: number; before: number }>) =>
  orm
    .select(block)
    .from(memberships)
    .innerJoin(searchBlocks, eq(searchBlocks.chatId, memberships.chatId))
    .innerJoin(chats, and(eq(chats.id, memberships.chatId), isNull(chats.deletedAt)))
    .where(
      and(eq(memberships.userId, p.userId), lt(searchBlocks.firstId, p.before), mayHave(orm, p)),
    ),
);

/** The same blocks of one chat. */
export const listBlocksOf = rows((orm, p: Params<Wanted & { chatId: number; before: number }>) =>
  orm
    .select(block)
    .from(searchBlocks)
    .innerJoin(chats, eq(chats.id, searchBlocks.chatId))
    .where(
      and(eq(searchBlocks.chatId, p.chatId), lt(searchBlocks.firstId, p.before), mayHave(orm, p)),
    ),
);

/** The first block of a chat whose vocabulary does not cover all of its messages. */
export const findBlockBehind = row((orm, p: Params<{ chatId: number }>) =>
  orm
    .select({
      firstId: searchBlocks.firstId,
      knownTo: searchBlocks.knownTo,
      nextId,
      lastId: chats.lastMessageId,
    })
    .from(searchBlocks)
    .innerJoin(chats, and(eq(chats.id, searchBlocks.chatId), isNull(chats.deletedAt)))
    .where(and(eq(searchBlocks.chatId, p.chatId), isBehind))
    .orderBy(asc(searchBlocks.firstId))
    .limit(1),
);

/** Chats ordered by id, and whether one of their vocabularies is behind. */
export const listChatsAfter = rows((orm, p: Params<{ after: number; limit: number }>) =>
  orm
    .select({ chatId: searchBlocks.chatId, isBehind: sql<number | null>`max(${isBehind})` })
    .from(searchBlocks)
    .innerJoin(chats, eq(chats.id, searchBlocks.chatId))
    .where(gt(searchBlocks.chatId, p.after))
    .groupBy(searchBlocks.chatId)
    .orderBy(asc(searchBlocks.chatId))
    .limit(p.limit),
);

/** The texts of a chat in a range of ids, oldest first. */
export const listTextsBetween = rows(
  (orm, p: Params<{ chatId: number; first: number; before: number; limit: number }>) =>
    orm
      .select({ id: messages.id, content: messages.content })
      .from(messages)
      .where(
        and(eq(messages.chatId, p.chatId), gte(messages.id, p.first), lt(messages.id, p.before)),
      )
      .orderBy(asc(messages.id))
      .limit(p.limit),
);

export const insertVocabulary = exec((orm, p: Params<{ block: number; word: string }>) =>
  orm.insert(searchVocabulary).values({ block: p.block, word: p.word }).onConflictDoNothing(),
);

export const deleteWord = exec((orm, p: Params<{ block: number; word: string }>) =>
  orm
    .delete(searchVocabulary)
    .where(and(eq(searchVocabulary.block, p.block), eq(searchVocabulary.word, p.word))),
);

export const insertStaleWord = exec((orm, p: Params<{ block: number; word: string }>) =>
  orm.insert(staleWords).values({ block: p.block, word: p.word }).onConflictDoNothing(),
);

/** Some of the stale words of the blocks from an id on. */
export const listStaleWords = rows((orm, p: Params<{ from: number; limit: number }>) =>
  orm
    .select()
    .from(staleWords)
    .where(gte(staleWords.block, p.from))
    .orderBy(asc(staleWords.block), asc(staleWords.word))
    .limit(p.limit),
);

export const deleteStaleWord = exec((orm, p: Params<{ block: number; word: string }>) =>
  orm.delete(staleWords).where(and(eq(staleWords.block, p.block), eq(staleWords.word, p.word))),
);

/** The blocks whose vocabularies cover some messages. */
export const listLearned = rows((orm, _: Params<Record<never, never>>) =>
  orm
    .select({
      chatId: searchBlocks.chatId,
      firstId: searchBlocks.firstId,
      knownTo: searchBlocks.knownTo,
      nextId,
    })
    .from(searchBlocks)
    .where(gt(searchBlocks.knownTo, 0)),
);

/** The number of words, from a JSON array, that a vocabulary lacks. */
export const countMissing = one((orm, p: Params<{ block: number; words: string }>) =>
  orm
    .select({ count: count() })
    .from(sql`json_each(${p.words}) as wanted`)
    .where(
      notExists(
        orm
          .select({ found: sql`1` })
          .from(searchVocabulary)
          .where(
            and(eq(searchVocabulary.block, p.block), eq(searchVocabulary.word, sql`wanted.value`)),
          ),
      ),
    ),
);

/** Records the id up to which a block's vocabulary covers its messages. */
export const setKnownTo = exec(
  (orm, p: Params<{ chatId: number; firstId: number; knownTo: number }>) =>
    orm
      .update(searchBlocks)
      .set({ knownTo: p.knownTo })
      .where(and(eq(searchBlocks.chatId, p.chatId), eq(searchBlocks.firstId, p.firstId))),
);

/** Resets some blocks, whose vocabularies then cover nothing; returns a row for each. */
export const forgetSomeKnown = rows((orm, p: Params<{ limit: number }>) =>
  orm
    .update(searchBlocks)
    .set({ knownTo: 0 })
    .where(
      sql`(${searchBlocks.chatId}, ${searchBlocks.firstId}) in ${orm
        .select({ chatId: searchBlocks.chatId, firstId: searchBlocks.firstId })
        .from(searchBlocks)
        .where(gt(searchBlocks.knownTo, 0))
        .limit(p.limit)}`,
    )
    .returning({ firstId: searchBlocks.firstId }),
);

/** Deletes some words of a block; returns a row for each. */
export const deleteSomeWordsOf = rows((orm, p: Params<{ block: number; limit: number }>) =>
  orm
    .delete(searchVocabulary)
    .where(
      and(
        eq(searchVocabulary.block, p.block),
        sql`${searchVocabulary.word} in ${orm
          .select({ word: searchVocabulary.word })
          .from(searchVocabulary)
          .where(eq(searchVocabulary.block, p.block))
          .limit(p.limit)}`,
      ),
    )
    .returning({ block: searchVocabulary.block }),
);

/** Deletes some words of all blocks of a chat; returns a row for each. */
export const deleteSomeWordsIn = rows((orm, p: Params<{ chatId: number; limit: number }>) =>
  orm
    .delete(searchVocabulary)
    .where(
      sql`(${searchVocabulary.block}, ${searchVocabulary.word}) in ${orm
        .select({ block: searchVocabulary.block, word: searchVocabulary.word })
        .from(searchBlocks)
        .innerJoin(searchVocabulary, eq(searchVocabulary.block, searchBlocks.firstId))
        .where(eq(searchBlocks.chatId, p.chatId))
        .limit(p.limit)}`,
    )
    .returning({ block: searchVocabulary.block }),
);
