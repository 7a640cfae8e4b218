import { sql } from 'drizzle-orm';
import { one, type Params } from '../db/query.ts';
import { chats, events, messages, sessions, users } from '../db/tables.ts';

/** How much there is of everything. */
export const countAll = one((orm, _: Params<Record<never, never>>) =>
  orm
    .select({
      users: sql<number>`(select count(*) from ${users})`,
      admins: sql<number>`(select count(*) from ${users} where ${users.role} = 'admin' and ${users.disabledAt} is null)`,
      disabled: sql<number>`(select count(*) from ${users} where ${users.disabledAt} is not null)`,
      sessions: sql<number>`(select count(*) from ${sessions})`,
      chats: sql<number>`(select count(*) from ${chats})`,
      messages: sql<number>`(select count(*) from ${messages})`,
      events: sql<number>`(select count(*) from ${events})`,
    })
    .from(sql`(select 1)`),
);
