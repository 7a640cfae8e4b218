import { sql } from 'drizzle-orm';
import { one, type Params } from '../db/query/query.ts';
import { chats, events, messages, pendingDeletions, sessions, users } from '../db/query/tables.ts';

/** Counts everything, for statistics. */
export const countAll = one((orm, _: Params<Record<never, never>>) =>
  orm
    .select({
      users: sql<number>`(select count(*) from ${users})`,
      admins: sql<number>`(select count(*) from ${users} where ${users.role} = 'admin' and ${users.disabledAt} is null)`,
      disabled: sql<number>`(select count(*) from ${users} where ${users.disabledAt} is not null)`,
      sessions: sql<number>`(select count(*) from ${sessions})`,
      chats: sql<number>`(select count(*) from ${chats} where ${chats.deletedAt} is null)`,
      messages: sql<number>`(select count(*) from ${messages} where ${messages.chatId} not in (select ${chats.id} from ${chats} where ${chats.deletedAt} is not null))`,
      deleting: sql<number>`(select count(*) from ${pendingDeletions})`,
      events: sql<number>`(select count(*) from ${events})`,
    })
    .from(sql`(select 1)`),
);
