import { and, desc, eq, getTableColumns, gt, gte, lt, lte, or, sql } from 'drizzle-orm';
import { exec, type Params, row, rows } from '../db/query/query.ts';
import { chats, invites, memberships, users } from '../db/query/tables.ts';

/** The member who created an invite: it is valid while they may invite. */
const isMaker = and(
  eq(memberships.userId, invites.userId),
  eq(memberships.chatId, invites.chatId),
  sql`exists (select 1 from ${users} where ${users.id} = ${memberships.userId})`,
  or(eq(chats.ownersInvite, sql`0`), eq(memberships.role, 'owner')),
);

/** A valid invite and the chat that it leads to. */
export const findInvite = row((orm, p: Params<{ code: string; now: number }>) =>
  orm
    .select({
      chatId: invites.chatId,
      expiresAt: invites.expiresAt,
      usesLeft: invites.usesLeft,
      members: chats.memberCount,
      title: chats.title,
    })
    .from(invites)
    .innerJoin(chats, eq(chats.id, invites.chatId))
    .innerJoin(memberships, isMaker)
    .where(and(eq(invites.code, p.code), gt(invites.expiresAt, p.now))),
);

interface ListedInvites {
  chatId: number;
  /** The user who created the invites; 0 for all users. */
  makerId: number;
  now: number;
  before: number;
}

const isListed = (p: Params<ListedInvites>) =>
  and(
    eq(invites.chatId, p.chatId),
    sql`(${p.makerId} = 0 or ${invites.userId} = ${p.makerId})`,
    lt(invites.createdAt, p.before),
    gt(invites.expiresAt, p.now),
  );

/** The valid invites to a chat that were created between two times, newest first. */
export const listInvites = rows((orm, p: Params<ListedInvites & { from: number }>) =>
  orm
    .select(getTableColumns(invites))
    .from(invites)
    .innerJoin(chats, eq(chats.id, invites.chatId))
    .innerJoin(memberships, isMaker)
    .where(and(isListed(p), gte(invites.createdAt, p.from)))
    .orderBy(desc(invites.createdAt)),
);

/** When such an invite was created, after skipping some newer ones. */
export const findNthInvite = row((orm, p: Params<ListedInvites & { skipped: number }>) =>
  orm
    .select({ at: invites.createdAt })
    .from(invites)
    .innerJoin(chats, eq(chats.id, invites.chatId))
    .innerJoin(memberships, isMaker)
    .where(isListed(p))
    .orderBy(desc(invites.createdAt))
    .limit(1)
    .offset(p.skipped),
);

export const findInviteMaker = row(
  (orm, p: Params<{ code: string; chatId: number; now: number }>) =>
    orm
      .select({ userId: invites.userId })
      .from(invites)
      .where(
        and(eq(invites.code, p.code), eq(invites.chatId, p.chatId), gt(invites.expiresAt, p.now)),
      ),
);

/** A valid invite of a user, after skipping some; a row means that they have more than that. */
export const findNthOfMaker = row(
  (orm, p: Params<{ userId: number; now: number; skipped: number }>) =>
    orm
      .select({ code: invites.code })
      .from(invites)
      .where(and(eq(invites.userId, p.userId), gt(invites.expiresAt, p.now)))
      .limit(1)
      .offset(p.skipped),
);

export const insertInvite = exec(
  (
    orm,
    p: Params<{
      code: string;
      chatId: number;
      userId: number;
      createdAt: number;
      expiresAt: number;
      usesLeft: number | null;
    }>,
  ) =>
    orm.insert(invites).values({
      code: p.code,
      chatId: p.chatId,
      userId: p.userId,
      createdAt: p.createdAt,
      expiresAt: p.expiresAt,
      usesLeft: p.usesLeft,
    }),
);

export const useInvite = exec((orm, p: Params<{ code: string }>) =>
  orm
    .update(invites)
    .set({ usesLeft: sql`${invites.usesLeft} - 1` })
    .where(eq(invites.code, p.code)),
);

export const deleteInvite = exec((orm, p: Params<{ code: string }>) =>
  orm.delete(invites).where(eq(invites.code, p.code)),
);

export const deleteInvitesOf = exec((orm, p: Params<{ userId: number }>) =>
  orm.delete(invites).where(eq(invites.userId, p.userId)),
);

/** Deletes some of the expired invites; returns a row for each. */
export const deleteExpiredInvites = rows((orm, p: Params<{ now: number; limit: number }>) => {
  const some = orm
    .select({ code: invites.code })
    .from(invites)
    .where(lte(invites.expiresAt, p.now))
    .limit(p.limit);
  return orm
    .delete(invites)
    .where(sql`${invites.code} in ${some}`)
    .returning({ code: invites.code });
});
