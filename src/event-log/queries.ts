import { and, asc, desc, gt, lt, lte } from 'drizzle-orm';
import { exec, insert, type Params, row, rows } from '../db/query/query.ts';
import { events } from '../db/query/tables.ts';

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

/** The events before an id, the newest first. */
export const listEventsBefore = rows((orm, p: Params<{ before: number; limit: number }>) =>
  orm.select().from(events).where(lt(events.id, p.before)).orderBy(desc(events.id)).limit(p.limit),
);

/** The events between two ids. */
export const listEvents = rows((orm, p: Params<{ after: number; upTo: number }>) =>
  orm
    .select()
    .from(events)
    .where(and(gt(events.id, p.after), lte(events.id, p.upTo)))
    .orderBy(asc(events.id)),
);

/** The oldest events, for retention. */
export const listOldest = rows((orm, p: Params<{ limit: number }>) =>
  orm.select({ id: events.id, at: events.at }).from(events).orderBy(asc(events.id)).limit(p.limit),
);

export const deleteEventsBefore = exec((orm, p: Params<{ id: number }>) =>
  orm.delete(events).where(lt(events.id, p.id)),
);
