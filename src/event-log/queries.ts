import { and, asc, desc, eq, gt, inArray, lt, lte, notInArray, or, sql } from 'drizzle-orm';
import { exec, insert, type Params, row, rows } from '../db/query/query.ts';
import { events, memberships } from '../db/query/tables.ts';

type NewRow = Omit<typeof events.$inferSelect, 'id'>;

export const insertEvent = insert((orm, p: Params<NewRow>) =>
  orm.insert(events).values({
    type: p.type,
    at: p.at,
    chatId: p.chatId,
    userId: p.userId,
    messageId: p.messageId,
    sessionId: p.sessionId,
    emoji: p.emoji,
  }),
);

export const findNewestEvent = row((orm, _: Params<Record<never, never>>) =>
  orm.select({ id: events.id }).from(events).orderBy(desc(events.id)).limit(1),
);

export const findOldestEvent = row((orm, _: Params<Record<never, never>>) =>
  orm.select({ id: events.id }).from(events).orderBy(asc(events.id)).limit(1),
);

/** The events in a chat that are sent to one user, or to nobody. */
const forOne = ['mention', 'notify', 'read'] as const;

/**
 * The events between two ids that may concern a user, oldest first: the user's own, those of the
 * user's chats, and those about users. SQLite skips the others in a fifth of the time that it takes
 * to return them.
 */
export const listMissed = rows(
  (orm, p: Params<{ userId: number; after: number; upTo: number; limit: number }>) => {
    const own = orm
      .select({ chatId: memberships.chatId })
      .from(memberships)
      .where(eq(memberships.userId, p.userId));
    const mayConcern = or(
      eq(events.userId, p.userId),
      eq(events.type, 'user'),
      // With `and`, SQLite would compare the types first, which takes longer.
      sql`case when ${inArray(events.chatId, own)} then ${notInArray(events.type, [...forOne])} end`,
    );
    return orm
      .select()
      .from(events)
      .where(and(gt(events.id, p.after), lte(events.id, p.upTo), mayConcern))
      .orderBy(asc(events.id))
      .limit(p.limit);
  },
);

/** The oldest events, for retention. */
export const listOldest = rows((orm, p: Params<{ limit: number }>) =>
  orm.select({ id: events.id, at: events.at }).from(events).orderBy(asc(events.id)).limit(p.limit),
);

export const deleteEventsBefore = exec((orm, p: Params<{ id: number }>) =>
  orm.delete(events).where(lt(events.id, p.id)),
);
