import { and, asc, count, eq, gt, sql } from 'drizzle-orm';
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
