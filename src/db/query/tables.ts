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
  foreignKey,
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
    /** When an admin shut the account, or null while it is open. */
    disabledAt: integer('disabled_at'),
  },
  (t) => [check('users_role', sql`${t.role} in ('admin', 'user')`)],
);

/**
 * What names look like, as hashes, so that nobody gets one that cannot be told from somebody else's:
 * see users/skeleton.ts. WITHOUT ROWID (see the migration).
 */
export const nameSkeletons = sqliteTable(
  'name_skeletons',
  {
    skeleton: text('skeleton').notNull(),
    /** References nobody: a name may be held when its user is gone. */
    userId: integer('user_id').notNull(),
    /** Until when a name that was given up is kept from others; null while it is in use. */
    heldUntil: integer('held_until'),
  },
  (t) => [
    primaryKey({ columns: [t.skeleton, t.userId] }),
    index('name_skeletons_user').on(t.userId),
    index('name_skeletons_held').on(t.heldUntil).where(sql`${t.heldUntil} is not null`),
  ],
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
    /** When its holder last gave the password: at the sign-in, or later for what asks for it. */
    verifiedAt: integer('verified_at').notNull().default(0),
  },
  (t) => [
    index('sessions_user').on(t.userId, t.lastSeenAt),
    index('sessions_last_seen').on(t.lastSeenAt),
    index('sessions_created').on(t.createdAt),
  ],
);

/**
 * From which networks a user has signed in: see sessions/networks.ts. WITHOUT ROWID (see the
 * migration): a look-up by user and hash is the only one.
 */
export const knownNetworks = sqliteTable(
  'known_networks',
  {
    userId: integer('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** Keyed: the file lists no addresses. */
    hash: blob('hash', { mode: 'buffer' }).notNull(),
    /** The last sign-in from there. */
    seenAt: integer('seen_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.userId, t.hash] }),
    index('known_networks_user').on(t.userId, t.seenAt),
    index('known_networks_seen').on(t.seenAt),
  ],
);

export const chats = sqliteTable(
  'chats',
  {
    /** The id of the event that announced it, as with messages: one sequence orders everything. */
    id: integer('id').primaryKey(),
    title: text('title').notNull(),
    createdAt: integer('created_at').notNull(),
    /** An open chat stands in the directory, and anyone may join it. */
    isOpen: integer('is_open', { mode: 'boolean' }).notNull().default(false),
    /** The two users of a direct chat, the smaller id first; null in all others. */
    directLow: integer('direct_low'),
    directHigh: integer('direct_high'),
    /** Who made it, for the quota of chats; null for chats from before there was one. */
    createdBy: integer('created_by'),
    /** Only owners may change the title. */
    ownersRename: integer('owners_rename', { mode: 'boolean' }).notNull().default(false),
    /** Only owners may make invites and add people. */
    ownersInvite: integer('owners_invite', { mode: 'boolean' }).notNull().default(false),
    memberCount: integer('member_count').notNull().default(0),
    /** How many messages were ever posted: what a member has not seen of them is unread. */
    posted: integer('posted').notNull().default(0),
    /*
     * The last message, kept here so that a list of chats costs one look-up for each chat and not
     * a search in its messages.
     */
    lastMessageId: integer('last_message_id'),
    lastMessage: text('last_message'),
    lastMessageAt: integer('last_message_at'),
    lastSenderId: integer('last_sender_id'),
    /** When its last member left. Nobody finds it any more; its messages are being deleted. */
    deletedAt: integer('deleted_at'),
  },
  (t) => [
    uniqueIndex('chats_direct').on(t.directLow, t.directHigh),
    index('chats_open').on(t.id).where(sql`${t.isOpen} = 1`),
    index('chats_created_by').on(t.createdBy, t.isOpen),
    check('chats_direct_pair', sql`(${t.directLow} is null) = (${t.directHigh} is null)`),
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
    /** References nobody: who deletes an account may be in thousands of chats. See deletions/. */
    userId: integer('user_id').notNull(),
    chatId: integer('chat_id')
      .notNull()
      .references(() => chats.id, { onDelete: 'cascade' }),
    role: text('role', { enum: ['owner', 'member'] }).notNull(),
    joinedAt: integer('joined_at').notNull(),
    /** The event that announced it: who joined first has the smaller one, whatever the clock did. */
    joinedEvent: integer('joined_event').notNull(),
    /** Whether the member came of their own accord, which is what their quota counts. */
    bySelf: integer('by_self', { mode: 'boolean' }).notNull().default(false),
    /** What the member is told of while not looking. */
    notify: text('notify', { enum: ['all', 'mentions', 'nothing'] })
      .notNull()
      .default('all'),
    /** The newest message that was read; 0 if none was there to read. */
    readId: integer('read_id').notNull().default(0),
    /** How many of the chat's `posted` are no longer to be read: the rest of them is unread. */
    seen: integer('seen').notNull().default(0),
    /** How many rows this member has in `mentions`. */
    mentions: integer('mentions').notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.userId, t.chatId] }),
    index('memberships_chat').on(t.chatId, t.joinedEvent),
    index('memberships_owners').on(t.chatId, t.joinedEvent).where(sql`${t.role} = 'owner'`),
    index('memberships_by_self').on(t.userId).where(sql`${t.bySelf} = 1`),
    check('memberships_role', sql`${t.role} in ('owner', 'member')`),
    check('memberships_notify', sql`${t.notify} in ('all', 'mentions', 'nothing')`),
  ],
);

/** Who was removed from a chat by an owner, and returns only if an owner adds them. */
export const removals = sqliteTable(
  'removals',
  {
    chatId: integer('chat_id')
      .notNull()
      .references(() => chats.id, { onDelete: 'cascade' }),
    /** References nobody, as with memberships. */
    userId: integer('user_id').notNull(),
  },
  (t) => [primaryKey({ columns: [t.chatId, t.userId] }), index('removals_user').on(t.userId)],
);

/** An invite lives as long as its maker's membership. */
export const invites = sqliteTable(
  'invites',
  {
    code: text('code').primaryKey(),
    chatId: integer('chat_id').notNull(),
    /** Who made it. */
    userId: integer('user_id').notNull(),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    /** How often it may still be used; null if there is no limit. */
    usesLeft: integer('uses_left'),
  },
  (t) => [
    index('invites_member').on(t.userId, t.chatId),
    index('invites_chat').on(t.chatId, t.createdAt),
    index('invites_expiry').on(t.expiresAt),
    foreignKey({
      columns: [t.userId, t.chatId],
      foreignColumns: [memberships.userId, memberships.chatId],
    }).onDelete('cascade'),
    check('invites_uses', sql`${t.usesLeft} > 0`),
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
    /** When it was last edited, or null. */
    editedAt: integer('edited_at'),
    /** The message that it answers, or null; that one may be deleted meanwhile. */
    replyTo: integer('reply_to'),
  },
  (t) => [primaryKey({ columns: [t.chatId, t.id] }), uniqueIndex('messages_id').on(t.id)],
);

/**
 * The runs of messages that search looks in one by one: see search-index/blocks.ts. A block goes on up to
 * the next one of its chat. WITHOUT ROWID (see the migration).
 */
export const searchBlocks = sqliteTable(
  'search_blocks',
  {
    chatId: integer('chat_id')
      .notNull()
      .references(() => chats.id, { onDelete: 'cascade' }),
    /** The id of its first message, by which it is named; that one may be deleted meanwhile. */
    firstId: integer('first_id').notNull(),
    /** The words of its messages are in `search_vocabulary` up to this id. */
    knownTo: integer('known_to').notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.chatId, t.firstId] })],
);

/**
 * Which words a block has: see search-index/vocabulary/vocabulary.ts. It references no block: the words of a deleted chat
 * are cleared away in portions. WITHOUT ROWID.
 */
export const searchVocabulary = sqliteTable(
  'search_vocabulary',
  {
    block: integer('block').notNull(),
    word: text('word').notNull(),
  },
  (t) => [primaryKey({ columns: [t.block, t.word] })],
);

/**
 * Words of deleted and edited messages that are still to be taken out of `search_vocabulary`, where no
 * other message of the block has them: see search-index/vocabulary/stale.ts. WITHOUT ROWID.
 */
export const staleWords = sqliteTable(
  'stale_words',
  {
    block: integer('block').notNull(),
    word: text('word').notNull(),
  },
  (t) => [primaryKey({ columns: [t.block, t.word] })],
);

/**
 * Who reacted with what. It references no message: one that has thousands of reactions is deleted at
 * once, and they are cleared away in portions.
 */
export const reactions = sqliteTable(
  'reactions',
  {
    chatId: integer('chat_id').notNull(),
    messageId: integer('message_id').notNull(),
    emoji: text('emoji').notNull(),
    /** References nobody, as with the senders of messages. */
    userId: integer('user_id').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.chatId, t.messageId, t.emoji, t.userId] }),
    index('reactions_user').on(t.chatId, t.userId, t.messageId),
  ],
);

/** How many rows in `reactions` a message has of each emoji: a page must not count them. */
export const reactionCounts = sqliteTable(
  'reaction_counts',
  {
    chatId: integer('chat_id').notNull(),
    messageId: integer('message_id').notNull(),
    emoji: text('emoji').notNull(),
    count: integer('count').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.chatId, t.messageId, t.emoji] }),
    check('reaction_counts_count', sql`${t.count} > 0`),
    foreignKey({
      columns: [t.chatId, t.messageId],
      foreignColumns: [messages.chatId, messages.id],
    }).onDelete('cascade'),
  ],
);

/** Who is mentioned in messages that they have not read yet. */
export const mentions = sqliteTable(
  'mentions',
  {
    userId: integer('user_id').notNull(),
    chatId: integer('chat_id').notNull(),
    messageId: integer('message_id').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.userId, t.chatId, t.messageId] }),
    index('mentions_message').on(t.chatId, t.messageId),
    foreignKey({
      columns: [t.userId, t.chatId],
      foreignColumns: [memberships.userId, memberships.chatId],
    }).onDelete('cascade'),
  ],
);

/** Which message a client's Idempotency-Key has posted, so that a second try posts nothing. */
export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    /** References nobody, as with memberships. */
    userId: integer('user_id').notNull(),
    key: text('key').notNull(),
    chatId: integer('chat_id').notNull(),
    messageId: integer('message_id').notNull(),
    createdAt: integer('created_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.userId, t.key] }),
    index('idempotency_keys_created').on(t.createdAt),
  ],
);

/** What was deleted and has left rows that are still to be cleared away: see deletions/. */
export const pendingDeletions = sqliteTable(
  'pending_deletions',
  {
    kind: text('kind', { enum: ['account', 'chat', 'message'] }).notNull(),
    id: integer('id').notNull(),
    /** Of a message, the chat that it was in; otherwise 0. */
    chatId: integer('chat_id').notNull(),
    /**
     * Of a message: members who joined up to this event count it as unread no more. For the others,
     * this row does: see deletions/unread.ts.
     */
    done: integer('done').notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.kind, t.id] }),
    index('pending_deletions_message').on(t.chatId, t.id).where(sql`${t.kind} = 'message'`),
    check('pending_deletions_kind', sql`${t.kind} in ('account', 'chat', 'message')`),
  ],
);

export const eventTypes = [
  'message',
  'message.edited',
  'message.deleted',
  'reaction',
  'chat.created',
  'chat',
  'chat.deleted',
  'member.joined',
  'member.changed',
  'member.left',
  'read',
  'notify',
  'mention',
  'user',
  'session.ended',
  'restored',
  // What the operator does by command. Nobody is told but the audit log.
  'user.added',
  'user.disabled',
  'user.enabled',
  'user.password_reset',
  'user.made_admin',
  'user.made_plain',
  'user.deleted',
  'invite.made',
] as const;

/**
 * What happened, in order. It holds references and no texts, so that what was deleted is gone from
 * here too; and none of them is a foreign key, because the log outlives what it tells of.
 */
export const events = sqliteTable('events', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  type: text('type', { enum: eventTypes }).notNull(),
  at: integer('at').notNull(),
  chatId: integer('chat_id'),
  userId: integer('user_id'),
  messageId: integer('message_id'),
  sessionId: integer('session_id'),
  /** Which reaction was given or taken back. */
  emoji: text('emoji'),
});

/** Facts about the server as a whole, by name: see db/query/server-state.ts. */
export const serverState = sqliteTable('server_state', {
  key: text('key').primaryKey(),
  value: text('value').notNull(),
});
