/** What is left of deleted chats, messages and accounts, a step at a time. */
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

/** Accounts first: others still see them among the members. */
export const findPending = row((orm, _: Params<Record<never, never>>) =>
  orm
    .select()
    .from(pendingDeletions)
    .orderBy(asc(pendingDeletions.kind), asc(pendingDeletions.id))
    .limit(1),
);

export const insertPending = exec((orm, $: Params<{ kind: Kind; id: number; chatId: number }>) =>
  orm.insert(pendingDeletions).values({ kind: $.kind, id: $.id, chatId: $.chatId }),
);

export const deletePending = exec((orm, $: Params<{ kind: Kind; id: number }>) =>
  orm
    .delete(pendingDeletions)
    .where(and(eq(pendingDeletions.kind, $.kind), eq(pendingDeletions.id, $.id))),
);

/** Notes how far a deleted message is forgotten: see unread.ts. */
export const updateDone = exec((orm, $: Params<{ id: number; done: number }>) =>
  orm
    .update(pendingDeletions)
    .set({ done: $.done })
    .where(and(eq(pendingDeletions.kind, 'message'), eq(pendingDeletions.id, $.id))),
);

interface Members {
  chatId: number;
  /** Of a message. */
  id: number;
  /** Those who joined after this event. */
  after: number;
}

const joinedBefore = ($: Params<Members>) =>
  and(
    eq(memberships.chatId, $.chatId),
    gt(memberships.joinedEvent, $.after),
    lt(memberships.joinedEvent, $.id),
  );

/** How many members of a chat joined before a message, no more than `limit`, and when the last of them did. */
export const findSomeMembers = one((orm, $: Params<Members & Step>) => {
  const found = orm
    .select({ joinedEvent: memberships.joinedEvent })
    .from(memberships)
    .where(joinedBefore($))
    .orderBy(asc(memberships.joinedEvent))
    .limit($.limit)
    .as('found');
  return orm.select({ count: count(), last: max(found.joinedEvent) }).from(found);
});

/** Takes a deleted message out of what some members have not read yet: those who joined up to an event. */
export const raiseSeen = exec((orm, $: Params<Members & { upTo: number }>) =>
  orm
    .update(memberships)
    .set({ seen: sql`${memberships.seen} + 1` })
    .where(
      and(joinedBefore($), lte(memberships.joinedEvent, $.upTo), lt(memberships.readId, $.id)),
    ),
);

interface Step {
  limit: number;
}

/** Deletes some messages of a chat, the oldest first; returns a row for each. */
export const deleteSomeMessages = rows((orm, $: Params<Step & { chatId: number }>) =>
  orm
    .delete(messages)
    .where(
      and(
        eq(messages.chatId, $.chatId),
        sql`${messages.id} in ${orm
          .select({ id: messages.id })
          .from(messages)
          .where(eq(messages.chatId, $.chatId))
          .orderBy(asc(messages.id))
          .limit($.limit)}`,
      ),
    )
    .returning({ id: messages.id }),
);

const reactionKey = sql`(${reactions.messageId}, ${reactions.emoji}, ${reactions.userId})`;
const { messageId, emoji, userId } = reactions;

/** Deletes some reactions in a chat; returns a row for each. */
export const deleteSomeReactionsIn = rows((orm, $: Params<Step & { chatId: number }>) =>
  orm
    .delete(reactions)
    .where(
      and(
        eq(reactions.chatId, $.chatId),
        sql`${reactionKey} in ${orm
          .select({ messageId, emoji, userId })
          .from(reactions)
          .where(eq(reactions.chatId, $.chatId))
          .limit($.limit)}`,
      ),
    )
    .returning({ userId }),
);

/** Deletes some reactions to a message; returns a row for each. */
export const deleteSomeReactionsTo = rows(
  (orm, $: Params<Step & { chatId: number; messageId: number }>) =>
    orm
      .delete(reactions)
      .where(
        and(
          eq(reactions.chatId, $.chatId),
          eq(reactions.messageId, $.messageId),
          sql`(${emoji}, ${userId}) in ${orm
            .select({ emoji, userId })
            .from(reactions)
            .where(and(eq(reactions.chatId, $.chatId), eq(reactions.messageId, $.messageId)))
            .limit($.limit)}`,
        ),
      )
      .returning({ userId }),
);

/** Deletes some memberships of a chat; returns a row for each. */
export const deleteSomeMemberships = rows((orm, $: Params<Step & { chatId: number }>) =>
  orm
    .delete(memberships)
    .where(
      and(
        eq(memberships.chatId, $.chatId),
        sql`${memberships.userId} in ${orm
          .select({ userId: memberships.userId })
          .from(memberships)
          .where(eq(memberships.chatId, $.chatId))
          .limit($.limit)}`,
      ),
    )
    .returning({ userId: memberships.userId }),
);

/** Deletes some of who was removed from a chat; returns a row for each. */
export const deleteSomeRemovalsFrom = rows((orm, $: Params<Step & { chatId: number }>) =>
  orm
    .delete(removals)
    .where(
      and(
        eq(removals.chatId, $.chatId),
        sql`${removals.userId} in ${orm
          .select({ userId: removals.userId })
          .from(removals)
          .where(eq(removals.chatId, $.chatId))
          .limit($.limit)}`,
      ),
    )
    .returning({ userId: removals.userId }),
);

/** Deletes some of what a user was removed from; returns a row for each. */
export const deleteSomeRemovalsOf = rows((orm, $: Params<Step & { userId: number }>) =>
  orm
    .delete(removals)
    .where(
      and(
        eq(removals.userId, $.userId),
        sql`${removals.chatId} in ${orm
          .select({ chatId: removals.chatId })
          .from(removals)
          .where(eq(removals.userId, $.userId))
          .limit($.limit)}`,
      ),
    )
    .returning({ chatId: removals.chatId }),
);

/** Deletes some of a user's idempotency keys; returns a row for each. */
export const deleteSomeKeysOf = rows((orm, $: Params<Step & { userId: number }>) =>
  orm
    .delete(idempotencyKeys)
    .where(
      and(
        eq(idempotencyKeys.userId, $.userId),
        sql`${idempotencyKeys.key} in ${orm
          .select({ key: idempotencyKeys.key })
          .from(idempotencyKeys)
          .where(eq(idempotencyKeys.userId, $.userId))
          .limit($.limit)}`,
      ),
    )
    .returning({ key: idempotencyKeys.key }),
);

/** Some of the chats that a deleted user is still a member of. */
export const listSomeMemberships = rows((orm, $: Params<Step & { userId: number }>) =>
  orm
    .select({
      chatId: memberships.chatId,
      role: memberships.role,
      isDeleted: sql<boolean>`${chats.deletedAt} is not null`.mapWith(Boolean),
    })
    .from(memberships)
    .innerJoin(chats, eq(chats.id, memberships.chatId))
    .where(eq(memberships.userId, $.userId))
    .orderBy(asc(memberships.chatId))
    .limit($.limit),
);

/** Makes a chat one that nobody finds any more; its messages are still to be deleted. */
export const markChatDeleted = row((orm, $: Params<{ id: number; now: number }>) =>
  orm
    .update(chats)
    .set({
      deletedAt: $.now,
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
    .where(and(eq(chats.id, $.id), isNull(chats.deletedAt)))
    .returning({ id: chats.id }),
);

export const deleteChatRow = exec((orm, $: Params<{ id: number }>) =>
  orm.delete(chats).where(eq(chats.id, $.id)),
);
