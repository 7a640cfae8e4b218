import { and, asc, between, countDistinct, eq } from 'drizzle-orm';
import { one, type Params, rows } from '../db/query.ts';
import { reactions } from '../db/tables.ts';

interface ReactionKey {
  chatId: number;
  messageId: number;
  emoji: string;
  userId: number;
}

const isKey = ($: Params<ReactionKey>) =>
  and(
    eq(reactions.chatId, $.chatId),
    eq(reactions.messageId, $.messageId),
    eq(reactions.emoji, $.emoji),
    eq(reactions.userId, $.userId),
  );

/** The reactions to the messages of a chat from one id to another, grouped by their order. */
export const listReactions = rows(
  (orm, $: Params<{ chatId: number; first: number; last: number }>) =>
    orm
      .select({
        messageId: reactions.messageId,
        emoji: reactions.emoji,
        userId: reactions.userId,
      })
      .from(reactions)
      .where(and(eq(reactions.chatId, $.chatId), between(reactions.messageId, $.first, $.last)))
      .orderBy(asc(reactions.messageId), asc(reactions.emoji), asc(reactions.userId)),
);

/** How many different emoji a message has. */
export const countEmoji = one((orm, $: Params<{ chatId: number; messageId: number }>) =>
  orm
    .select({ count: countDistinct(reactions.emoji) })
    .from(reactions)
    .where(and(eq(reactions.chatId, $.chatId), eq(reactions.messageId, $.messageId))),
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
