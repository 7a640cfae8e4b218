import { and, asc, between, count, eq, gt, sql } from 'drizzle-orm';
import { exec, one, type Params, row, rows } from '../db/query/query.ts';
import { messages, reactionCounts, reactions, users } from '../db/query/tables.ts';

interface EmojiKey {
  chatId: number;
  messageId: number;
  emoji: string;
}

interface ReactionKey extends EmojiKey {
  userId: number;
}

const isOfEmoji = (p: Params<EmojiKey>) =>
  and(
    eq(reactions.chatId, p.chatId),
    eq(reactions.messageId, p.messageId),
    eq(reactions.emoji, p.emoji),
  );

const isKey = (p: Params<ReactionKey>) => and(isOfEmoji(p), eq(reactions.userId, p.userId));

const isCount = (p: Params<EmojiKey>) =>
  and(
    eq(reactionCounts.chatId, p.chatId),
    eq(reactionCounts.messageId, p.messageId),
    eq(reactionCounts.emoji, p.emoji),
  );

/** The users who reacted with an emoji, ordered by id; the name is null for a deleted account. */
export const listReactors = rows((orm, p: Params<EmojiKey & { after: number; limit: number }>) =>
  orm
    .select({ id: reactions.userId, name: users.name })
    .from(reactions)
    .leftJoin(users, eq(users.id, reactions.userId))
    .where(and(isOfEmoji(p), gt(reactions.userId, p.after)))
    .orderBy(asc(reactions.userId))
    .limit(p.limit),
);

/** The current state of a reaction to a message; no row if the message is gone. */
export const findReaction = row((orm, p: Params<ReactionKey>) =>
  orm
    .select({
      count: sql<number>`coalesce((select ${reactionCounts.count} from ${reactionCounts} where ${isCount(p)}), 0)`,
      isThere: sql<boolean>`exists (select 1 from ${reactions} where ${isKey(p)})`.mapWith(Boolean),
    })
    .from(messages)
    .where(and(eq(messages.chatId, p.chatId), eq(messages.id, p.messageId))),
);

/** The number of different emoji on a message. */
export const countEmoji = one((orm, p: Params<{ chatId: number; messageId: number }>) =>
  orm
    .select({ count: count() })
    .from(reactionCounts)
    .where(and(eq(reactionCounts.chatId, p.chatId), eq(reactionCounts.messageId, p.messageId))),
);

/** The number of emoji with which a user has reacted to a message. */
export const countOwnReactions = one(
  (orm, p: Params<{ chatId: number; messageId: number; userId: number }>) =>
    orm
      .select({ count: count() })
      .from(reactions)
      .where(
        and(
          eq(reactions.chatId, p.chatId),
          eq(reactions.userId, p.userId),
          eq(reactions.messageId, p.messageId),
        ),
      ),
);

/** Returns a row only if the reaction is new. */
export const insertReaction = rows((orm, p: Params<ReactionKey>) =>
  orm
    .insert(reactions)
    .values({ chatId: p.chatId, messageId: p.messageId, emoji: p.emoji, userId: p.userId })
    .onConflictDoNothing()
    .returning({ emoji: reactions.emoji }),
);

/** Returns a row only if the reaction existed. */
export const deleteReaction = rows((orm, p: Params<ReactionKey>) =>
  orm.delete(reactions).where(isKey(p)).returning({ emoji: reactions.emoji }),
);

/** Counts one more reaction. */
export const raiseCount = exec((orm, p: Params<EmojiKey>) =>
  orm
    .insert(reactionCounts)
    .values({ chatId: p.chatId, messageId: p.messageId, emoji: p.emoji, count: sql`1` })
    .onConflictDoUpdate({
      target: [reactionCounts.chatId, reactionCounts.messageId, reactionCounts.emoji],
      set: { count: sql`${reactionCounts.count} + 1` },
    }),
);

/** Deletes a count of 1, whose last reaction is taken back; `lowerCount` is for all others. */
export const dropLastCount = exec((orm, p: Params<EmojiKey>) =>
  orm.delete(reactionCounts).where(and(isCount(p), eq(reactionCounts.count, sql`1`))),
);

/** Counts one reaction fewer. */
export const lowerCount = exec((orm, p: Params<EmojiKey>) =>
  orm
    .update(reactionCounts)
    .set({ count: sql`${reactionCounts.count} - 1` })
    .where(isCount(p)),
);

/** A message shows at most this many of the users who reacted with an emoji. */
export const shownUsers = 10;
const shown = sql.raw(String(shownUsers));

/**
 * The ids of the first users who reacted with an emoji, as a JSON array. The expression is nested
 * in another one because Drizzle strips the table names from the columns of the outermost one only.
 */
const firstUsers = sql<string>`${sql`(
  select json_group_array(user_id) from (
    select ${reactions.userId} from ${reactions}
    where ${reactions.chatId} = ${reactionCounts.chatId}
      and ${reactions.messageId} = ${reactionCounts.messageId}
      and ${reactions.emoji} = ${reactionCounts.emoji}
    order by ${reactions.userId} limit ${shown}
  ))`}`;

/** The fields of a message's reactions with one emoji. */
const reactionFields = {
  emoji: reactionCounts.emoji,
  count: reactionCounts.count,
  userIds: firstUsers,
};

/** The reactions to a message, ordered by emoji. */
export const listReactions = rows((orm, p: Params<{ chatId: number; messageId: number }>) =>
  orm
    .select(reactionFields)
    .from(reactionCounts)
    .where(and(eq(reactionCounts.chatId, p.chatId), eq(reactionCounts.messageId, p.messageId)))
    .orderBy(asc(reactionCounts.emoji)),
);

/** The reactions to the messages of a range, ordered by emoji for each message. */
export const listPageReactions = rows(
  (orm, p: Params<{ chatId: number; first: number; last: number }>) =>
    orm
      .select({ messageId: reactionCounts.messageId, ...reactionFields })
      .from(reactionCounts)
      .where(
        and(
          eq(reactionCounts.chatId, p.chatId),
          between(reactionCounts.messageId, p.first, p.last),
        ),
      )
      .orderBy(asc(reactionCounts.messageId), asc(reactionCounts.emoji)),
);

/** A user's reactions that a range of messages may not show, because too many users share them. */
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
          gt(reactionCounts.count, shown),
        ),
      )
      .orderBy(asc(reactions.messageId)),
);
