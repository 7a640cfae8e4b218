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

const isOfEmoji = ($: Params<EmojiKey>) =>
  and(
    eq(reactions.chatId, $.chatId),
    eq(reactions.messageId, $.messageId),
    eq(reactions.emoji, $.emoji),
  );

const isKey = ($: Params<ReactionKey>) => and(isOfEmoji($), eq(reactions.userId, $.userId));

const isCount = ($: Params<EmojiKey>) =>
  and(
    eq(reactionCounts.chatId, $.chatId),
    eq(reactionCounts.messageId, $.messageId),
    eq(reactionCounts.emoji, $.emoji),
  );

/** The users who reacted with an emoji, by their ids from one on; without a name if they are gone. */
export const listReactors = rows((orm, $: Params<EmojiKey & { after: number; limit: number }>) =>
  orm
    .select({ id: reactions.userId, name: users.name })
    .from(reactions)
    .leftJoin(users, eq(users.id, reactions.userId))
    .where(and(isOfEmoji($), gt(reactions.userId, $.after)))
    .orderBy(asc(reactions.userId))
    .limit($.limit),
);

/** How a reaction to a message is now; no row if the message is gone. */
export const findReaction = row((orm, $: Params<ReactionKey>) =>
  orm
    .select({
      count: sql<number>`coalesce((select ${reactionCounts.count} from ${reactionCounts} where ${isCount($)}), 0)`,
      isThere: sql<boolean>`exists (select 1 from ${reactions} where ${isKey($)})`.mapWith(Boolean),
    })
    .from(messages)
    .where(and(eq(messages.chatId, $.chatId), eq(messages.id, $.messageId))),
);

/** How many different emoji a message has. */
export const countEmoji = one((orm, $: Params<{ chatId: number; messageId: number }>) =>
  orm
    .select({ count: count() })
    .from(reactionCounts)
    .where(and(eq(reactionCounts.chatId, $.chatId), eq(reactionCounts.messageId, $.messageId))),
);

/** With how many emoji a user has reacted to a message. */
export const countOwnReactions = one(
  (orm, $: Params<{ chatId: number; messageId: number; userId: number }>) =>
    orm
      .select({ count: count() })
      .from(reactions)
      .where(
        and(
          eq(reactions.chatId, $.chatId),
          eq(reactions.userId, $.userId),
          eq(reactions.messageId, $.messageId),
        ),
      ),
);

/** Returns a row only if the reaction is new. */
export const insertReaction = rows((orm, $: Params<ReactionKey>) =>
  orm
    .insert(reactions)
    .values({ chatId: $.chatId, messageId: $.messageId, emoji: $.emoji, userId: $.userId })
    .onConflictDoNothing()
    .returning({ emoji: reactions.emoji }),
);

/** Returns a row only if there was such a reaction. */
export const deleteReaction = rows((orm, $: Params<ReactionKey>) =>
  orm.delete(reactions).where(isKey($)).returning({ emoji: reactions.emoji }),
);

/** Counts one reaction more. */
export const raiseCount = exec((orm, $: Params<EmojiKey>) =>
  orm
    .insert(reactionCounts)
    .values({ chatId: $.chatId, messageId: $.messageId, emoji: $.emoji, count: sql`1` })
    .onConflictDoUpdate({
      target: [reactionCounts.chatId, reactionCounts.messageId, reactionCounts.emoji],
      set: { count: sql`${reactionCounts.count} + 1` },
    }),
);

/** Drops a count that the last reaction is taken from; `lowerCount` is for the others. */
export const dropLastCount = exec((orm, $: Params<EmojiKey>) =>
  orm.delete(reactionCounts).where(and(isCount($), eq(reactionCounts.count, sql`1`))),
);

/** Counts one reaction less. */
export const lowerCount = exec((orm, $: Params<EmojiKey>) =>
  orm
    .update(reactionCounts)
    .set({ count: sql`${reactionCounts.count} - 1` })
    .where(isCount($)),
);
