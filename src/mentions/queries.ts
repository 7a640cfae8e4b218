import { and, eq, lte, min, sql } from 'drizzle-orm';
import { exec, type Params, rows } from '../db/query/query.ts';
import { memberships, mentions } from '../db/query/tables.ts';

interface Member {
  chatId: number;
  userId: number;
}

const isOf = ($: Params<Member>) =>
  and(eq(mentions.userId, $.userId), eq(mentions.chatId, $.chatId));

/** Who is mentioned in a message and has not read it yet. */
export const listMentioned = rows((orm, $: Params<{ chatId: number; messageId: number }>) =>
  orm
    .select({ userId: mentions.userId })
    .from(mentions)
    .where(and(eq(mentions.chatId, $.chatId), eq(mentions.messageId, $.messageId))),
);

export const insertMention = exec((orm, $: Params<Member & { messageId: number }>) =>
  orm.insert(mentions).values({ userId: $.userId, chatId: $.chatId, messageId: $.messageId }),
);

export const deleteMention = exec((orm, $: Params<Member & { messageId: number }>) =>
  orm.delete(mentions).where(and(isOf($), eq(mentions.messageId, $.messageId))),
);

/** Forgets the oldest unread mention of a member. */
export const deleteOldestMention = exec((orm, $: Params<Member>) =>
  orm.delete(mentions).where(
    and(
      isOf($),
      eq(
        mentions.messageId,
        orm
          .select({ oldest: min(mentions.messageId) })
          .from(mentions)
          .where(isOf($)),
      ),
    ),
  ),
);

/** Forgets the mentions up to a message; what is returned stands for one each. */
export const deleteMentionsUpTo = rows((orm, $: Params<Member & { upTo: number }>) =>
  orm
    .delete(mentions)
    .where(and(isOf($), lte(mentions.messageId, $.upTo)))
    .returning({ messageId: mentions.messageId }),
);

/** Counts a member's unread mentions up or down. */
export const changeMentionCount = exec((orm, $: Params<Member & { by: number }>) =>
  orm
    .update(memberships)
    .set({ mentions: sql`${memberships.mentions} + ${$.by}` })
    .where(and(eq(memberships.userId, $.userId), eq(memberships.chatId, $.chatId))),
);
