/**
 * Every table, defined once. `npm run migration` turns a change made here into SQL under drizzle/.
 *
 * Times are integers: milliseconds since 1970, UTC. Ids are never reused, not even after a deletion
 * (AUTOINCREMENT), so an old link cannot lead to another person's data.
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
    /** The form of the name that is compared: see canonicalName. */
    nameKey: text('name_key').notNull().unique(),
    email: text('email').notNull(),
    emailKey: text('email_key').notNull().unique(),
    /** argon2id as a PHC string. */
    passwordHash: text('password_hash').notNull(),
    role: text('role', { enum: ['admin', 'user'] }).notNull(),
    createdAt: integer('created_at').notNull(),
    /** When an admin disabled the account; null while it is enabled. */
    disabledAt: integer('disabled_at'),
  },
  (t) => [check('users_role', sql`${t.role} in ('admin', 'user')`)],
);

/**
 * Hashes of how names look, so that nobody gets a name that cannot be distinguished from another:
 * see users/skeleton.ts. WITHOUT ROWID (see the migration).
 */
export const nameSkeletons = sqliteTable(
  'name_skeletons',
  {
    skeleton: text('skeleton').notNull(),
    /** Not a foreign key: a name may be reserved after its user is gone. */
    userId: integer('user_id').notNull(),
    /** Until when a name that was given up is reserved; null while it is in use. */
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
    /** SHA-256 of the token: somebody who reads the file cannot sign in with it. */
    tokenHash: blob('token_hash', { mode: 'buffer' }).notNull().unique(),
    /** The User-Agent that signed in, for the user's own list of sessions. */
    device: text('device').notNull(),
    createdAt: integer('created_at').notNull(),
    lastSeenAt: integer('last_seen_at').notNull(),
    /**
     * When the user last entered the password: at sign-in, or later for an action that asks for it.
     */
    verifiedAt: integer('verified_at').notNull().default(0),
  },
  (t) => [
    index('sessions_user').on(t.userId, t.lastSeenAt),
    index('sessions_last_seen').on(t.lastSeenAt),
    index('sessions_created').on(t.createdAt),
  ],
);

/**
 * The networks from which a user has signed in: see sessions/networks.ts. WITHOUT ROWID (see the
 * migration): the only look-up is by user and hash.
 */
export const knownNetworks = sqliteTable(
  'known_networks',
  {
    userId: integer('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** A keyed hash: the file contains no addresses. */
    hash: blob('hash', { mode: 'buffer' }).notNull(),
    /** The last sign-in from this network. */
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
    /** An open chat is listed in the directory, and anyone may join it. */
    isOpen: integer('is_open', { mode: 'boolean' }).notNull().default(false),
    /** The two users of a direct chat, the smaller id first; null in all other chats. */
    directLow: integer('direct_low'),
    directHigh: integer('direct_high'),
    /** The user who created it, for the quota of chats; null for chats older than the quota. */
    createdBy: integer('created_by'),
    /** Only owners may change the title. */
    ownersRename: integer('owners_rename', { mode: 'boolean' }).notNull().default(false),
    /** Only owners may create invites and add people. */
    ownersInvite: integer('owners_invite', { mode: 'boolean' }).notNull().default(false),
    memberCount: integer('member_count').notNull().default(0),
    /**
     * How many messages were ever posted; a member's unread count is the part they have not seen.
     */
    posted: integer('posted').notNull().default(0),
    /*
     * The last message, stored here so that a list of chats costs one look-up per chat instead of a
     * search in its messages.
     */
    lastMessageId: integer('last_message_id'),
    lastMessage: text('last_message'),
    lastMessageAt: integer('last_message_at'),
    lastSenderId: integer('last_sender_id'),
    /**
     * When its last member left. The chat is no longer found, and its messages are being deleted.
     */
    deletedAt: integer('deleted_at'),
  },
  (t) => [
    uniqueIndex('chats_direct').on(t.directLow, t.directHigh),
    index('chats_direct_high').on(t.directHigh).where(sql`${t.directHigh} is not null`),
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

/** WITHOUT ROWID (see the migration): a user's chats are stored next to each other. */
export const memberships = sqliteTable(
  'memberships',
  {
    /**
     * Not a foreign key: a user who deletes an account may be in thousands of chats. See
     * deletions/.
     */
    userId: integer('user_id').notNull(),
    chatId: integer('chat_id')
      .notNull()
      .references(() => chats.id, { onDelete: 'cascade' }),
    role: text('role', { enum: ['owner', 'member'] }).notNull(),
    joinedAt: integer('joined_at').notNull(),
    /**
     * The event that announced it: a member who joined earlier has a smaller one, whatever the
     * clock did.
     */
    joinedEvent: integer('joined_event').notNull(),
    /** Whether the member joined on their own, which is what their quota counts. */
    bySelf: integer('by_self', { mode: 'boolean' }).notNull().default(false),
    /** Which messages notify the member. */
    notify: text('notify', { enum: ['all', 'mentions', 'nothing'] })
      .notNull()
      .default('all'),
    /** The newest message that was read; 0 if there was none to read. */
    readId: integer('read_id').notNull().default(0),
    /** How many of the chat's `posted` no longer count as unread. */
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

/** Users whom an owner removed from a chat; only an owner can add them again. */
export const removals = sqliteTable(
  'removals',
  {
    chatId: integer('chat_id')
      .notNull()
      .references(() => chats.id, { onDelete: 'cascade' }),
    /** Not a foreign key, as with memberships. */
    userId: integer('user_id').notNull(),
  },
  (t) => [primaryKey({ columns: [t.chatId, t.userId] }), index('removals_user').on(t.userId)],
);

/** An invite lasts as long as the membership of the user who created it. */
export const invites = sqliteTable(
  'invites',
  {
    code: text('code').primaryKey(),
    chatId: integer('chat_id').notNull(),
    /** The user who created it. */
    userId: integer('user_id').notNull(),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    /** How often it may still be used; null means no limit. */
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
 * WITHOUT ROWID (see the migration): a chat's messages are stored next to each other in the order
 * of their ids, so reading a page of them is one short scan.
 */
export const messages = sqliteTable(
  'messages',
  {
    chatId: integer('chat_id')
      .notNull()
      .references(() => chats.id, { onDelete: 'cascade' }),
    /** The id of the event that announced it. */
    id: integer('id').notNull(),
    /** Not a foreign key: a deleted user's messages stay. */
    senderId: integer('sender_id').notNull(),
    content: text('content').notNull(),
    createdAt: integer('created_at').notNull(),
    /** When it was last edited, or null. */
    editedAt: integer('edited_at'),
    /** The message that it replies to, or null; that message may have been deleted since. */
    replyTo: integer('reply_to'),
  },
  (t) => [primaryKey({ columns: [t.chatId, t.id] }), uniqueIndex('messages_id').on(t.id)],
);

/**
 * The runs of messages that a search goes through one by one: see search-index/blocks.ts. A block
 * extends to the next block of its chat. WITHOUT ROWID (see the migration).
 */
export const searchBlocks = sqliteTable(
  'search_blocks',
  {
    chatId: integer('chat_id')
      .notNull()
      .references(() => chats.id, { onDelete: 'cascade' }),
    /**
     * The id of its first message, which identifies the block; that message may have been deleted
     * since.
     */
    firstId: integer('first_id').notNull(),
    /** `search_vocabulary` has the words of its messages up to this id. */
    knownTo: integer('known_to').notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.chatId, t.firstId] })],
);

/**
 * The words of each block: see search-index/vocabulary/vocabulary.ts. No foreign key to the block:
 * the words of a deleted chat are deleted in portions. WITHOUT ROWID.
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
 * Words of deleted and edited messages that have yet to be removed from `search_vocabulary`, unless
 * another message of the block has them: see search-index/vocabulary/stale.ts. WITHOUT ROWID.
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
 * Each user's reactions. No foreign key to the message: a message with thousands of reactions is
 * deleted at once, and its reactions in portions.
 */
export const reactions = sqliteTable(
  'reactions',
  {
    chatId: integer('chat_id').notNull(),
    messageId: integer('message_id').notNull(),
    emoji: text('emoji').notNull(),
    /** Not a foreign key, as with the senders of messages. */
    userId: integer('user_id').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.chatId, t.messageId, t.emoji, t.userId] }),
    index('reactions_user').on(t.chatId, t.userId, t.messageId),
  ],
);

/**
 * How many rows in `reactions` a message has of each emoji, so that reading a page need not count.
 */
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

/** Mentions in messages that the mentioned user has not read yet. */
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

/** The message that a client's Idempotency-Key has posted, so that a retry posts nothing. */
export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    /** Not a foreign key, as with memberships. */
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

/** Deleted items with rows that have yet to be deleted: see deletions/. */
export const pendingDeletions = sqliteTable(
  'pending_deletions',
  {
    kind: text('kind', { enum: ['account', 'chat', 'message'] }).notNull(),
    id: integer('id').notNull(),
    /** For a message, the chat that it was in; otherwise 0. */
    chatId: integer('chat_id').notNull(),
    /**
     * For a message: members who joined up to this event no longer count it as unread. For the
     * others, this row makes up for it: see deletions/unread.ts.
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
  // Changes by operator commands. Only the audit log receives them.
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
 * What happened, in order. It holds references and no text, so that deleted content is gone from
 * here too; none of them is a foreign key, because the log outlives what it refers to.
 */
export const events = sqliteTable('events', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  type: text('type', { enum: eventTypes }).notNull(),
  at: integer('at').notNull(),
  chatId: integer('chat_id'),
  userId: integer('user_id'),
  messageId: integer('message_id'),
  sessionId: integer('session_id'),
  /** The reaction that was added or removed. */
  emoji: text('emoji'),
});

/** Facts about the server as a whole, by name: see db/query/server-state.ts. */
export const serverState = sqliteTable('server_state', {
  key: text('key').primaryKey(),
  value: text('value').notNull(),
});
