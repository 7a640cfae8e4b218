import { and, asc, eq } from 'drizzle-orm';
import { change, type Params, row, rows } from '../db/query.ts';
import { memberships, users } from '../db/tables.ts';

type Role = (typeof memberships.$inferSelect)['role'];

interface Key {
  chatId: number;
  userId: number;
}

export const findMembership = row((orm, $: Params<Key>) =>
  orm
    .select({ role: memberships.role })
    .from(memberships)
    .where(and(eq(memberships.userId, $.userId), eq(memberships.chatId, $.chatId))),
);

/** The members of a chat, the longest-standing first. */
export const listMembers = rows((orm, $: Params<{ chatId: number }>) =>
  orm
    .select({
      id: memberships.userId,
      name: users.name,
      role: memberships.role,
      joinedAt: memberships.joinedAt,
    })
    .from(memberships)
    .innerJoin(users, eq(users.id, memberships.userId))
    .where(eq(memberships.chatId, $.chatId))
    .orderBy(asc(memberships.joinedAt), asc(memberships.userId)),
);

export const findLongestStanding = row((orm, $: Params<{ chatId: number }>) =>
  orm
    .select({ userId: memberships.userId })
    .from(memberships)
    .where(eq(memberships.chatId, $.chatId))
    .orderBy(asc(memberships.joinedAt), asc(memberships.userId))
    .limit(1),
);

export const findOwner = row((orm, $: Params<{ chatId: number }>) =>
  orm
    .select({ userId: memberships.userId })
    .from(memberships)
    .where(and(eq(memberships.chatId, $.chatId), eq(memberships.role, 'owner')))
    .limit(1),
);

export const insertMembership = change((orm, $: Params<Key & { role: Role; joinedAt: number }>) =>
  orm
    .insert(memberships)
    .values({ userId: $.userId, chatId: $.chatId, role: $.role, joinedAt: $.joinedAt }),
);

export const updateRole = change((orm, $: Params<Key & { role: Role }>) =>
  orm
    .update(memberships)
    .set({ role: $.role })
    .where(and(eq(memberships.userId, $.userId), eq(memberships.chatId, $.chatId))),
);

export const deleteMembership = change((orm, $: Params<Key>) =>
  orm
    .delete(memberships)
    .where(and(eq(memberships.userId, $.userId), eq(memberships.chatId, $.chatId))),
);
