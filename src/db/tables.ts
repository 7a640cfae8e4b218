/**
 * Every table, once. `npm run migration` turns a change made here into SQL under drizzle/.
 *
 * Times are integers: milliseconds since 1970, UTC. Ids are never used again, not even after a
 * deletion (AUTOINCREMENT), so an old link cannot lead to somebody else.
 */
import { sql } from 'drizzle-orm';
import {
  blob,
  check,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  uniqueIndex,
} from 'drizzle-orm/sqlite-core';

export const users = sqliteTable(
  'users',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    name: text('name').notNull(),
    /** The name as it is compared: see canonicalName. */
    nameKey: text('name_key').notNull().unique(),
    email: text('email').notNull(),
    emailKey: text('email_key').notNull().unique(),
    /** argon2id as a PHC string. */
    passwordHash: text('password_hash').notNull(),
    role: text('role', { enum: ['admin', 'user'] }).notNull(),
    createdAt: integer('created_at').notNull(),
  },
  (t) => [check('users_role', sql`${t.role} in ('admin', 'user')`)],
);

export const sessions = sqliteTable(
  'sessions',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    userId: integer('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** SHA-256 of the token: who reads the file cannot sign in with it. */
    tokenHash: blob('token_hash', { mode: 'buffer' }).notNull().unique(),
    /** The User-Agent that signed in, for the person's own list of sessions. */
    device: text('device').notNull(),
    createdAt: integer('created_at').notNull(),
    lastSeenAt: integer('last_seen_at').notNull(),
  },
  (t) => [
    index('sessions_user').on(t.userId),
    index('sessions_last_seen').on(t.lastSeenAt),
    index('sessions_created').on(t.createdAt),
  ],
);

export const chats = sqliteTable(
  'chats',
  {
    /** The id of the event that announced it, as with messages: one sequence orders everything. */
    id: integer('id').primaryKey(),
    title: text('title').notNull(),
    createdAt: integer('created_at').notNull(),
    /*
     * The last message, kept here so that a list of chats costs one look-up for each chat and not
     * a search in its messages.
     */
    lastMessageId: integer('last_message_id'),
    lastMessage: text('last_message'),
    lastMessageAt: integer('last_message_at'),
    lastSenderId: integer('last_sender_id'),
  },
  (t) => [
    check(
      'chats_last_message',
      sql`(${t.lastMessageId} is null) = (${t.lastMessage} is null)
        and (${t.lastMessageId} is null) = (${t.lastMessageAt} is null)
        and (${t.lastMessageId} is null) = (${t.lastSenderId} is null)`,
    ),
  ],
);

/** WITHOUT ROWID (see the migration): a user's chats lie side by side. */
export const memberships = sqliteTable(
  'memberships',
  {
    userId: integer('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    chatId: integer('chat_id')
      .notNull()
      .references(() => chats.id, { onDelete: 'cascade' }),
    role: text('role', { enum: ['owner', 'member'] }).notNull(),
    joinedAt: integer('joined_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.userId, t.chatId] }),
    index('memberships_chat').on(t.chatId, t.joinedAt, t.userId, t.role),
    check('memberships_role', sql`${t.role} in ('owner', 'member')`),
  ],
);

/**
 * WITHOUT ROWID (see the migration): a chat's messages lie side by side in the order of their ids,
 * so a page of them is one short walk.
 */
export const messages = sqliteTable(
  'messages',
  {
    chatId: integer('chat_id')
      .notNull()
      .references(() => chats.id, { onDelete: 'cascade' }),
    /** The id of the event that announced it. */
    id: integer('id').notNull(),
    /** References nobody: a deleted user's messages stay. */
    senderId: integer('sender_id').notNull(),
    content: text('content').notNull(),
    createdAt: integer('created_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.chatId, t.id] }), uniqueIndex('messages_id').on(t.id)],
);

/**
 * What happened, in order. It holds references and no texts, so that what was deleted is gone from
 * here too; and none of them is a foreign key, because the log outlives what it tells of.
 */
export const events = sqliteTable('events', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  type: text('type').notNull(),
  at: integer('at').notNull(),
  chatId: integer('chat_id'),
  userId: integer('user_id'),
  messageId: integer('message_id'),
  sessionId: integer('session_id'),
});
