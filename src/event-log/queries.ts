import { and, asc, desc, gt, lt, lte } from 'drizzle-orm';
import { exec, insert, type Params, row, rows } from '../db/query/query.ts';
import { events } from '../db/query/tables.ts';

type NewRow = Omit<typeof events.$inferSelect, 'id'>;

export const insertEvent = insert((orm, $: Params<NewRow>) =>
  orm.insert(events).values({
    type: $.type,
    at: $.at,
    chatId: $.chatId,
    userId: $.userId,
    messageId: $.messageId,
    sessionId: $.sessionId,
    emoji: $.emoji,
  }),
);

export const findNewestEvent = row((orm, _: Params<Record<never, never>>) =>
  orm.select({ id: events.id }).from(events).orderBy(desc(events.id)).limit(1),
);

export const findOldestEvent = row((orm, _: Params<Record<never, never>>) =>
  orm.select({ id: events.id }).from(events).orderBy(asc(events.id)).limit(1),
);

/** The events before an id, the newest first. */
export const listEventsBefore = rows((orm, $: Params<{ before: number; limit: number }>) =>
  orm.select().from(events).where(lt(events.id, $.before)).orderBy(desc(events.id)).limit($.limit),
);

/** The events between two ids. */
export const listEvents = rows((orm, $: Params<{ after: number; upTo: number }>) =>
  orm
    .select()
    .from(events)
    .where(and(gt(events.id, $.after), lte(events.id, $.upTo)))
    .orderBy(asc(events.id)),
);

/** The oldest events, for the clearing of the log. */
export const listOldest = rows((orm, $: Params<{ limit: number }>) =>
  orm.select({ id: events.id, at: events.at }).from(events).orderBy(asc(events.id)).limit($.limit),
);

export const deleteEventsBefore = exec((orm, $: Params<{ id: number }>) =>
  orm.delete(events).where(lt(events.id, $.id)),
);
