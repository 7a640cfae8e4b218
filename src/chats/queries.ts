import { and, desc, eq, isNull, lt, sql } from 'drizzle-orm';
import { exec, isAmong, type Params, row, rows } from '../db/query/query.ts';
import { chats } from '../db/query/tables.ts';

/** The chats with these ids that exist, in no particular order. */
export const listChats = rows((orm, p: Params<{ ids: string }>) =>
  orm
    .select({
      id: chats.id,
      title: chats.title,
      isOpen: chats.isOpen,
      ownersRename: chats.ownersRename,
      ownersInvite: chats.ownersInvite,
      pair: sql<number | null>`${chats.directLow} + ${chats.directHigh}`,
      posted: chats.posted,
      activity: sql<number>`coalesce(${chats.lastMessageId}, ${chats.id})`,
      lastMessage: chats.lastMessage,
      lastMessageAt: chats.lastMessageAt,
      lastSenderId: chats.lastSenderId,
    })
    .from(chats)
    .where(and(isAmong(chats.id, p.ids), isNull(chats.deletedAt))),
);

interface ChatValues {
  id: number;
  title: string;
  createdAt: number;
  createdBy: number;
  isOpen: boolean;
  directLow: number | null;
  directHigh: number | null;
}

export const insertChat = exec((orm, p: Params<ChatValues>) =>
  orm.insert(chats).values({
    id: p.id,
    title: p.title,
    createdAt: p.createdAt,
    createdBy: p.createdBy,
    isOpen: p.isOpen,
    directLow: p.directLow,
    directHigh: p.directHigh,
  }),
);

/**
 * A chat that a user created, after skipping some; a row means that they created more than that.
 */
export const findNthMade = row((orm, p: Params<{ userId: number; skipped: number }>) =>
  orm
    .select({ id: chats.id })
    .from(chats)
    .where(eq(chats.createdBy, p.userId))
    .limit(1)
    .offset(p.skipped),
);

export const findNthOpenMade = row((orm, p: Params<{ userId: number; skipped: number }>) =>
  orm
    .select({ id: chats.id })
    .from(chats)
    .where(and(eq(chats.createdBy, p.userId), eq(chats.isOpen, sql`1`)))
    .limit(1)
    .offset(p.skipped),
);

export const findDirectChat = row((orm, p: Params<{ low: number; high: number }>) =>
  orm
    .select({ id: chats.id })
    .from(chats)
    .where(and(eq(chats.directLow, p.low), eq(chats.directHigh, p.high))),
);

/** The open chats older than an id, newest first. */
export const listOpenChats = rows((orm, p: Params<{ before: number; limit: number }>) =>
  orm
    .select({ id: chats.id, members: chats.memberCount, title: chats.title })
    .from(chats)
    .where(and(eq(chats.isOpen, sql`1`), lt(chats.id, p.before)))
    .orderBy(desc(chats.id))
    .limit(p.limit),
);

export const updateTitle = exec((orm, p: Params<{ id: number; title: string }>) =>
  orm.update(chats).set({ title: p.title }).where(eq(chats.id, p.id)),
);

export const updatePermissions = exec(
  (orm, p: Params<{ id: number; ownersRename: boolean; ownersInvite: boolean }>) =>
    orm
      .update(chats)
      .set({ ownersRename: p.ownersRename, ownersInvite: p.ownersInvite })
      .where(eq(chats.id, p.id)),
);
