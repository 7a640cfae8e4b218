import { and, asc, eq, getTableColumns, gt, isNotNull, isNull, ne, or, sql } from 'drizzle-orm';
import { exec, isAmong, type Params, row, rows } from '../db/query/query.ts';
import { seenNow } from '../db/query/seen.ts';
import { chats, memberships, removals, users } from '../db/query/tables.ts';

type Membership = typeof memberships.$inferSelect;

interface Key {
  chatId: number;
  userId: number;
}

const isKey = (p: Params<Key>) =>
  and(eq(memberships.userId, p.userId), eq(memberships.chatId, p.chatId));

/** A membership ends with its user's account, even if its row is yet to be deleted. */
const isUserThere = sql`exists (select 1 from ${users} where ${users.id} = ${memberships.userId})`;

export const findMembership = row((orm, p: Params<Key>) =>
  orm
    .select({ ...getTableColumns(memberships), seen: seenNow() })
    .from(memberships)
    .where(and(isKey(p), isUserThere)),
);

/** The other user of a direct chat: account and membership, each if it exists. */
export const findPartner = row((orm, p: Params<Key>) => {
  const partnerId = sql<number>`${chats.directLow} + ${chats.directHigh} - ${p.userId}`;
  return orm
    .select({ id: users.id, disabledAt: users.disabledAt, joinedAt: memberships.joinedAt })
    .from(chats)
    .leftJoin(users, eq(users.id, partnerId))
    .leftJoin(memberships, and(eq(memberships.userId, users.id), eq(memberships.chatId, chats.id)))
    .where(and(eq(chats.id, p.chatId), isNotNull(chats.directLow)));
});

const member = {
  id: memberships.userId,
  name: users.name,
  role: memberships.role,
  joinedAt: memberships.joinedAt,
  disabledAt: users.disabledAt,
};

/** A chat that a user joined by themselves, after `skipped` others. */
export const findNthOwn = row((orm, p: Params<{ userId: number; skipped: number }>) =>
  orm
    .select({ chatId: memberships.chatId })
    .from(memberships)
    .where(and(eq(memberships.userId, p.userId), eq(memberships.bySelf, sql`1`)))
    .limit(1)
    .offset(p.skipped),
);

/** A chat that two users are both in. */
export const findSharedChat = row((orm, p: Params<{ one: number; other: number }>) =>
  orm
    .select({ chatId: memberships.chatId })
    .from(memberships)
    .where(
      and(
        eq(memberships.userId, p.one),
        sql`exists (select 1 from ${memberships} as others where others.user_id = ${p.other} and others.chat_id = ${memberships.chatId})`,
      ),
    )
    .limit(1),
);

/** The members of a chat who joined after an event, the longest-standing first. */
export const listMembers = rows(
  (orm, p: Params<{ chatId: number; after: number; limit: number }>) =>
    orm
      .select({ ...member, joinedEvent: memberships.joinedEvent })
      .from(memberships)
      .innerJoin(users, eq(users.id, memberships.userId))
      .where(and(eq(memberships.chatId, p.chatId), gt(memberships.joinedEvent, p.after)))
      .orderBy(asc(memberships.joinedEvent))
      .limit(p.limit),
);

export const findMember = row((orm, p: Params<Key>) =>
  orm
    .select(member)
    .from(memberships)
    .innerJoin(users, eq(users.id, memberships.userId))
    .where(isKey(p)),
);

/** The members of a chat with one of these names, in canonical form. */
export const listMembersByName = rows((orm, p: Params<{ chatId: number; nameKeys: string }>) =>
  orm
    .select({
      nameKey: users.nameKey,
      userId: memberships.userId,
      readId: memberships.readId,
      mentions: memberships.mentions,
    })
    .from(users)
    // Names are the outer loop: a chat has more members than a text has names.
    .crossJoin(memberships)
    .where(
      and(
        isAmong(users.nameKey, p.nameKeys),
        eq(memberships.userId, users.id),
        eq(memberships.chatId, p.chatId),
      ),
    ),
);

export const findLongestStanding = row((orm, p: Params<{ chatId: number }>) =>
  orm
    .select({ userId: memberships.userId })
    .from(memberships)
    .where(and(eq(memberships.chatId, p.chatId), isUserThere))
    .orderBy(asc(memberships.joinedEvent))
    .limit(1),
);

/** Finds owners by their own index, which SQLite uses only if the role is not a parameter. */
const isOwnerOf = (p: Params<{ chatId: number }>) =>
  and(eq(memberships.chatId, p.chatId), eq(memberships.role, sql`'owner'`));

export const findFirstOwner = row((orm, p: Params<{ chatId: number }>) =>
  orm
    .select({ userId: memberships.userId })
    .from(memberships)
    .where(and(isOwnerOf(p), isUserThere))
    .orderBy(asc(memberships.joinedEvent))
    .limit(1),
);

/** An owner of a chat other than this user. */
export const findOtherOwner = row((orm, p: Params<Key>) =>
  orm
    .select({ userId: memberships.userId })
    .from(memberships)
    .where(and(isOwnerOf(p), ne(memberships.userId, p.userId), isUserThere))
    .limit(1),
);

export const insertMembership = exec(
  (
    orm,
    p: Params<
      Key & {
        role: Membership['role'];
        joinedAt: number;
        joinedEvent: number;
        bySelf: boolean;
        readId: number;
        seen: number;
      }
    >,
  ) =>
    orm.insert(memberships).values({
      userId: p.userId,
      chatId: p.chatId,
      role: p.role,
      joinedAt: p.joinedAt,
      joinedEvent: p.joinedEvent,
      bySelf: p.bySelf,
      readId: p.readId,
      seen: p.seen,
    }),
);

export const updateRole = exec((orm, p: Params<Key & { role: Membership['role'] }>) =>
  orm.update(memberships).set({ role: p.role }).where(isKey(p)),
);

export const updateNotify = exec((orm, p: Params<Key & { notify: Membership['notify'] }>) =>
  orm.update(memberships).set({ notify: p.notify }).where(isKey(p)),
);

export const deleteMembership = exec((orm, p: Params<Key>) =>
  orm.delete(memberships).where(isKey(p)),
);

/** Adds to the member count of a chat. */
export const changeMemberCount = exec((orm, p: Params<{ chatId: number; by: number }>) =>
  orm
    .update(chats)
    .set({ memberCount: sql`${chats.memberCount} + ${p.by}` })
    .where(eq(chats.id, p.chatId)),
);

export const findRemoval = row((orm, p: Params<Key>) =>
  orm
    .select({ userId: removals.userId })
    .from(removals)
    .where(and(eq(removals.chatId, p.chatId), eq(removals.userId, p.userId))),
);

export const insertRemoval = exec((orm, p: Params<Key>) =>
  orm.insert(removals).values({ chatId: p.chatId, userId: p.userId }),
);

export const deleteRemoval = exec((orm, p: Params<Key>) =>
  orm.delete(removals).where(and(eq(removals.chatId, p.chatId), eq(removals.userId, p.userId))),
);

export const findChat = row((orm, p: Params<{ id: number }>) =>
  orm
    .select()
    .from(chats)
    .where(and(eq(chats.id, p.id), isNull(chats.deletedAt))),
);

const ownMembership = {
  chatId: memberships.chatId,
  notify: memberships.notify,
  seen: seenNow(),
  mentions: memberships.mentions,
  readId: memberships.readId,
};

export const listMemberships = rows((orm, p: Params<{ userId: number }>) =>
  orm.select(ownMembership).from(memberships).where(eq(memberships.userId, p.userId)),
);

/** The user's memberships of these chats. */
export const listMembershipsOf = rows((orm, p: Params<{ userId: number; chatIds: string }>) =>
  orm
    .select(ownMembership)
    .from(memberships)
    .where(and(eq(memberships.userId, p.userId), isAmong(memberships.chatId, p.chatIds))),
);

/** The direct chats with a user, also those that the user has left. */
export const listDirectChats = rows((orm, p: Params<{ userId: number }>) =>
  orm
    .select({ chatId: chats.id })
    .from(chats)
    .where(or(eq(chats.directLow, p.userId), eq(chats.directHigh, p.userId))),
);

export const chatIdsOf = rows((orm, p: Params<{ userId: number }>) =>
  orm
    .select({ chatId: memberships.chatId, joinedEvent: memberships.joinedEvent })
    .from(memberships)
    .where(eq(memberships.userId, p.userId)),
);
