/** The remaining rows of deleted chats, messages and accounts, a step at a time. */
import { and, asc, count, eq, gt, isNull, lt, lte, max, sql } from 'drizzle-orm';
import { exec, one, type Params, row, rows } from '../db/query/query.ts';
import {
  chats,
  idempotencyKeys,
  memberships,
  messages,
  pendingDeletions,
  reactions,
  removals,
} from '../db/query/tables.ts';

type Kind = (typeof pendingDeletions.$inferSelect)['kind'];

/** Accounts come first: others still see them among the members. */
export const findPending = row((orm, _: Params<Record<never, never>>) =>
  orm
    .select()
    .from(pendingDeletions)
    .orderBy(asc(pendingDeletions.kind), asc(pendingDeletions.id))
    .limit(1),
);

export const insertPending = exec((orm, p: Params<{ kind: Kind; id: number; chatId: number }>) =>
  orm.insert(pendingDeletions).values({ kind: p.kind, id: p.id, chatId: p.chatId }),
);

export const deletePending = exec((orm, p: Params<{ kind: Kind; id: number }>) =>
  orm
    .delete(pendingDeletions)
    .where(and(eq(pendingDeletions.kind, p.kind), eq(pendingDeletions.id, p.id))),
);

/** Records how far a deleted message was taken out of unread counts: see unread.ts. */
export const updateDone = exec((orm, p: Params<{ id: number; done: number }>) =>
  orm
    .update(pendingDeletions)
    .set({ done: p.done })
    .where(and(eq(pendingDeletions.kind, 'message'), eq(pendingDeletions.id, p.id))),
);

interface Members {
  chatId: number;
  /** The id of a message. */
  id: number;
  /** Only members who joined after this event. */
  after: number;
}

const joinedBefore = (p: Params<Members>) =>
  and(
    eq(memberships.chatId, p.chatId),
    gt(memberships.joinedEvent, p.after),
    lt(memberships.joinedEvent, p.id),
  );

/**
 * At most `limit` members who joined a chat before a message: their number, and the last one's
 * event.
 */
export const findSomeMembers = one((orm, p: Params<Members & Step>) => {
  const found = orm
    .select({ joinedEvent: memberships.joinedEvent })
    .from(memberships)
    .where(joinedBefore(p))
    .orderBy(asc(memberships.joinedEvent))
    .limit(p.limit)
    .as('found');
  return orm.select({ count: count(), last: max(found.joinedEvent) }).from(found);
});

/** Takes a deleted message out of the unread counts of members who joined up to an event. */
export const raiseSeen = exec((orm, p: Params<Members & { upTo: number }>) =>
  orm
    .update(memberships)
    .set({ seen: sql`${memberships.seen} + 1` })
    .where(
      and(joinedBefore(p), lte(memberships.joinedEvent, p.upTo), lt(memberships.readId, p.id)),
    ),
);

interface Step {
  limit: number;
}

/** Deletes some messages of a chat, the oldest first; returns a row for each. */
export const deleteSomeMessages = rows((orm, p: Params<Step & { chatId: number }>) =>
  orm
    .delete(messages)
    .where(
      and(
        eq(messages.chatId, p.chatId),
        sql`${messages.id} in ${orm
          .select({ id: messages.id })
          .from(messages)
          .where(eq(messages.chatId, p.chatId))
          .orderBy(asc(messages.id))
          .limit(p.limit)}`,
      ),
    )
    .returning({ id: messages.id }),
);

const reactionKey = sql`(${reactions.messageId}, ${reactions.emoji}, ${reactions.userId})`;
const { messageId, emoji, userId } = reactions;

/** Deletes some reactions in a chat; returns a row for each. */
export const deleteSomeReactionsIn = rows((orm, p: Params<Step & { chatId: number }>) =>
  orm
    .delete(reactions)
    .where(
      and(
        eq(reactions.chatId, p.chatId),
        sql`${reactionKey} in ${orm
          .select({ messageId, emoji, userId })
          .from(reactions)
          .where(eq(reactions.chatId, p.chatId))
          .limit(p.limit)}`,
      ),
    )
    .returning({ userId }),
);

/** Deletes some reactions to a message; returns a row for each. */
export const deleteSomeReactionsTo = rows(
  (orm, p: Params<Step & { chatId: number; messageId: number }>) =>
    orm
      .delete(reactions)
      .where(
        and(
          eq(reactions.chatId, p.chatId),
          eq(reactions.messageId, p.messageId),
          sql`(${emoji}, ${userId}) in ${orm
            .select({ emoji, userId })
            .from(reactions)
            .where(and(eq(reactions.chatId, p.chatId), eq(reactions.messageId, p.messageId)))
            .limit(p.limit)}`,
        ),
      )
      .returning({ userId }),
);

/** Deletes some memberships of a chat; returns a row for each. */
export const deleteSomeMemberships = rows((orm, p: Params<Step & { chatId: number }>) =>
  orm
    .delete(memberships)
    .where(
      and(
        eq(memberships.chatId, p.chatId),
        sql`${memberships.userId} in ${orm
          .select({ userId: memberships.userId })
          .from(memberships)
          .where(eq(memberships.chatId, p.chatId))
          .limit(p.limit)}`,
      ),
    )
    .returning({ userId: memberships.userId }),
);

/** Deletes some of the removals from a chat; returns a row for each. */
export const deleteSomeRemovalsFrom = rows((orm, p: Params<Step & { chatId: number }>) =>
  orm
    .delete(removals)
    .where(
      and(
        eq(removals.chatId, p.chatId),
        sql`${removals.userId} in ${orm
          .select({ userId: removals.userId })
          .from(removals)
          .where(eq(removals.chatId, p.chatId))
          .limit(p.limit)}`,
      ),
    )
    .returning({ userId: removals.userId }),
);

/** Deletes some of the removals of a user; returns a row for each. */
export const deleteSomeRemovalsOf = rows((orm, p: Params<Step & { userId: number }>) =>
  orm
    .delete(removals)
    .where(
      and(
        eq(removals.userId, p.userId),
        sql`${removals.chatId} in ${orm
          .select({ chatId: removals.chatId })
          .from(removals)
          .where(eq(removals.userId, p.userId))
          .limit(p.limit)}`,
      ),
    )
    .returning({ chatId: removals.chatId }),
);

/** Deletes some of a user's idempotency keys; returns a row for each. */
export const deleteSomeKeysOf = rows((orm, p: Params<Step & { userId: number }>) =>
  orm
    .delete(idempotencyKeys)
    .where(
      and(
        eq(idempotencyKeys.userId, p.userId),
        sql`${idempotencyKeys.key} in ${orm
          .select({ key: idempotencyKeys.key })
          .from(idempotencyKeys)
          .where(eq(idempotencyKeys.userId, p.userId))
          .limit(p.limit)}`,
      ),
    )
    .returning({ key: idempotencyKeys.key }),
);

/** Some of the chats that a deleted user is still a member of. */
export const listSomeMemberships = rows((orm, p: Params<Step & { userId: number }>) =>
  orm
    .select({
      chatId: memberships.chatId,
      role: memberships.role,
      isDeleted: sql<boolean>`${chats.deletedAt} is not null`.mapWith(Boolean),
    })
    .from(memberships)
    .innerJoin(chats, eq(chats.id, memberships.chatId))
    .where(eq(memberships.userId, p.userId))
    .orderBy(asc(memberships.chatId))
    .limit(p.limit),
);

/** Marks a chat as deleted, so that nobody finds it; its messages remain to be deleted. */
export const markChatDeleted = row((orm, p: Params<{ id: number; now: number }>) =>
  orm
    .update(chats)
    .set({
      deletedAt: p.now,
      title: '',
      isOpen: false,
      createdBy: null,
      directLow: null,
      directHigh: null,
      memberCount: 0,
      lastMessageId: null,
      lastMessage: null,
      lastMessageAt: null,
      lastSenderId: null,
    })
    .where(and(eq(chats.id, p.id), isNull(chats.deletedAt)))
    .returning({ id: chats.id }),
);

export const deleteChatRow = exec((orm, p: Params<{ id: number }>) =>
  orm.delete(chats).where(eq(chats.id, p.id)),
);
