import { and, desc, eq, getTableColumns, gt, gte, lt, lte, or, sql } from 'drizzle-orm';
import { exec, type Params, row, rows } from '../db/query/query.ts';
import { chats, invites, memberships, users } from '../db/query/tables.ts';

/** The member who made an invite: it holds while they may invite. */
const isMaker = and(
  eq(memberships.userId, invites.userId),
  eq(memberships.chatId, invites.chatId),
  sql`exists (select 1 from ${users} where ${users.id} = ${memberships.userId})`,
  or(eq(chats.ownersInvite, sql`0`), eq(memberships.role, 'owner')),
);

/** An invite that still holds, and where it leads. */
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
  /** Whose invites; 0 for those of all. */
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

/** The invites of a chat that still hold and were made between two times, newest first. */
export const listInvites = rows((orm, p: Params<ListedInvites & { from: number }>) =>
  orm
    .select(getTableColumns(invites))
    .from(invites)
    .innerJoin(chats, eq(chats.id, invites.chatId))
    .innerJoin(memberships, isMaker)
    .where(and(isListed(p), gte(invites.createdAt, p.from)))
    .orderBy(desc(invites.createdAt)),
);

/** When such an invite was made, after as many others. */
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

/** An invite of a user that holds, beyond so many others of theirs. */
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

/** Deletes some of the invites that have run out; returns a row for each. */
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
