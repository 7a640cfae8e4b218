import { and, eq, lte, min, sql } from 'drizzle-orm';
import { exec, type Params, rows } from '../db/query/query.ts';
import { memberships, mentions } from '../db/query/tables.ts';

interface Member {
  chatId: number;
  userId: number;
}

const isOf = (p: Params<Member>) =>
  and(eq(mentions.userId, p.userId), eq(mentions.chatId, p.chatId));

/** The members whom a message mentions and who have not read it yet. */
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

/** Deletes the oldest unread mention of a member. */
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

/** Deletes a member's mentions up to a message; returns a row for each. */
export const deleteMentionsUpTo = rows((orm, p: Params<Member & { upTo: number }>) =>
  orm
    .delete(mentions)
    .where(and(isOf(p), lte(mentions.messageId, p.upTo)))
    .returning({ messageId: mentions.messageId }),
);

/** Adds to a member's count of unread mentions; a negative number subtracts. */
export const changeMentionCount = exec((orm, p: Params<Member & { by: number }>) =>
  orm
    .update(memberships)
    .set({ mentions: sql`${memberships.mentions} + ${p.by}` })
    .where(and(eq(memberships.userId, p.userId), eq(memberships.chatId, p.chatId))),
);
