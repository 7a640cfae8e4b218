import { and, desc, eq, getTableColumns, gt, lte, or, sql } from 'drizzle-orm';
import { change, type Params, row, rows } from '../db/query.ts';
import { chats, invites, memberships } from '../db/tables.ts';

/** The member who made an invite: it holds while they may invite. */
const isMaker = and(
  eq(memberships.userId, invites.userId),
  eq(memberships.chatId, invites.chatId),
  or(eq(chats.ownersInvite, sql`0`), eq(memberships.role, 'owner')),
);

/** An invite that still holds, and where it leads. */
export const findInvite = row((orm, $: Params<{ code: string; now: number }>) =>
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
    .where(and(eq(invites.code, $.code), gt(invites.expiresAt, $.now))),
);

/** The invites of a chat that still hold, newest first. */
export const listInvites = rows((orm, $: Params<{ chatId: number; now: number }>) =>
  orm
    .select(getTableColumns(invites))
    .from(invites)
    .innerJoin(chats, eq(chats.id, invites.chatId))
    .innerJoin(memberships, isMaker)
    .where(and(eq(invites.chatId, $.chatId), gt(invites.expiresAt, $.now)))
    .orderBy(desc(invites.createdAt)),
);

export const findInviteMaker = row(
  (orm, $: Params<{ code: string; chatId: number; now: number }>) =>
    orm
      .select({ userId: invites.userId })
      .from(invites)
      .where(
        and(eq(invites.code, $.code), eq(invites.chatId, $.chatId), gt(invites.expiresAt, $.now)),
      ),
);

export const insertInvite = change(
  (
    orm,
    $: Params<{
      code: string;
      chatId: number;
      userId: number;
      createdAt: number;
      expiresAt: number;
      usesLeft: number | null;
    }>,
  ) =>
    orm.insert(invites).values({
      code: $.code,
      chatId: $.chatId,
      userId: $.userId,
      createdAt: $.createdAt,
      expiresAt: $.expiresAt,
      usesLeft: $.usesLeft,
    }),
);

export const useInvite = change((orm, $: Params<{ code: string }>) =>
  orm
    .update(invites)
    .set({ usesLeft: sql`${invites.usesLeft} - 1` })
    .where(eq(invites.code, $.code)),
);

export const deleteInvite = change((orm, $: Params<{ code: string }>) =>
  orm.delete(invites).where(eq(invites.code, $.code)),
);

export const deleteInvitesOf = change((orm, $: Params<{ userId: number }>) =>
  orm.delete(invites).where(eq(invites.userId, $.userId)),
);

export const deleteExpiredInvites = change((orm, $: Params<{ now: number }>) =>
  orm.delete(invites).where(lte(invites.expiresAt, $.now)),
);
