import { and, eq, lte, min, sql } from 'drizzle-orm';
import { exec, type Params, rows } from '../db/query/query.ts';
import { memberships, mentions } from '../db/query/tables.ts';

interface Member {
  chatId: number;
  userId: number;
}

const isOf = (p: Params<Member>) =>
  and(eq(mentions.userId, p.userId), eq(mentions.chatId, p.chatId));

/** Who is mentioned in a message and has not read it yet. */
export const listMentioned = rows((orm, p: Params<{ chatId: number; messageId: number }>) =>
  orm
    .select({ userId: mentions.userId })
    .from(mentions)
    .where(and(eq(mentions.chatId, p.chatId), eq(mentions.messageId, p.messageId))),
);

export const insertMention = exec((orm, p: Params<Member & { messageId: number }>) =>
  orm.insert(mentions).values({ userId: p.userId, chatId: p.chatId, messageId: p.messageId }),
);

export const deleteMention = exec((orm, p: Params<Member & { messageId: number }>) =>
  orm.delete(mentions).where(and(isOf(p), eq(mentions.messageId, p.messageId))),
);

/** Forgets the oldest unread mention of a member. */
export const deleteOldestMention = exec((orm, p: Params<Member>) =>
  orm.delete(mentions).where(
    and(
      isOf(p),
      eq(
        mentions.messageId,
        orm
          .select({ oldest: min(mentions.messageId) })
          .from(mentions)
          .where(isOf(p)),
      ),
    ),
  ),
);

/** Forgets the mentions up to a message; what is returned stands for one each. */
export const deleteMentionsUpTo = rows((orm, p: Params<Member & { upTo: number }>) =>
  orm
    .delete(mentions)
    .where(and(isOf(p), lte(mentions.messageId, p.upTo)))
    .returning({ messageId: mentions.messageId }),
);

/** Counts a member's unread mentions up or down. */
export const changeMentionCount = exec((orm, p: Params<Member & { by: number }>) =>
  orm
    .update(memberships)
    .set({ mentions: sql`${memberships.mentions} + ${p.by}` })
    .where(and(eq(memberships.userId, p.userId), eq(memberships.chatId, p.chatId))),
);
