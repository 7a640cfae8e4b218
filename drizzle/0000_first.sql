-- STRICT, WITHOUT ROWID and what concerns search are added by hand: drizzle-kit knows none of them.
CREATE TABLE `chats` (
	`id` integer PRIMARY KEY NOT NULL,
	`title` text NOT NULL,
	`created_at` integer NOT NULL,
	`is_open` integer DEFAULT false NOT NULL,
	`direct_low` integer,
	`direct_high` integer,
	`member_count` integer DEFAULT 0 NOT NULL,
	`posted` integer DEFAULT 0 NOT NULL,
	`last_message_id` integer,
	`last_message` text,
	`last_message_at` integer,
	`last_sender_id` integer,
	CONSTRAINT "chats_direct_pair" CHECK(("chats"."direct_low" is null) = ("chats"."direct_high" is null)),
	CONSTRAINT "chats_last_message" CHECK(("chats"."last_message_id" is null) = ("chats"."last_message" is null)
        and ("chats"."last_message_id" is null) = ("chats"."last_message_at" is null)
        and ("chats"."last_message_id" is null) = ("chats"."last_sender_id" is null))
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `chats_direct` ON `chats` (`direct_low`,`direct_high`);
--> statement-breakpoint
CREATE INDEX `chats_open` ON `chats` (`id`) WHERE "chats"."is_open" = 1;
--> statement-breakpoint
CREATE TABLE `events` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`type` text NOT NULL,
	`at` integer NOT NULL,
	`chat_id` integer,
	`user_id` integer,
	`message_id` integer,
	`session_id` integer
) STRICT;
--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`user_id` integer NOT NULL,
	`key` text NOT NULL,
	`chat_id` integer NOT NULL,
	`message_id` integer NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `key`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `idempotency_keys_created` ON `idempotency_keys` (`created_at`);
--> statement-breakpoint
CREATE TABLE `invites` (
	`code` text PRIMARY KEY NOT NULL,
	`chat_id` integer NOT NULL,
	`user_id` integer NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`uses_left` integer,
	FOREIGN KEY (`user_id`,`chat_id`) REFERENCES `memberships`(`user_id`,`chat_id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "invites_uses" CHECK("invites"."uses_left" > 0)
) STRICT;
--> statement-breakpoint
CREATE INDEX `invites_member` ON `invites` (`user_id`,`chat_id`);
--> statement-breakpoint
CREATE INDEX `invites_chat` ON `invites` (`chat_id`,`created_at`);
--> statement-breakpoint
CREATE INDEX `invites_expiry` ON `invites` (`expires_at`);
--> statement-breakpoint
CREATE TABLE `memberships` (
	`user_id` integer NOT NULL,
	`chat_id` integer NOT NULL,
	`role` text NOT NULL,
	`joined_at` integer NOT NULL,
	`joined_event` integer NOT NULL,
	`notify` text DEFAULT 'all' NOT NULL,
	`read_id` integer DEFAULT 0 NOT NULL,
	`seen` integer DEFAULT 0 NOT NULL,
	`mentions` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`user_id`, `chat_id`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`chat_id`) REFERENCES `chats`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "memberships_role" CHECK("memberships"."role" in ('owner', 'member')),
	CONSTRAINT "memberships_notify" CHECK("memberships"."notify" in ('all', 'mentions', 'nothing'))
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `memberships_chat` ON `memberships` (`chat_id`,`joined_event`);
--> statement-breakpoint
CREATE TABLE `mentions` (
	`user_id` integer NOT NULL,
	`chat_id` integer NOT NULL,
	`message_id` integer NOT NULL,
	PRIMARY KEY(`user_id`, `chat_id`, `message_id`),
	FOREIGN KEY (`user_id`,`chat_id`) REFERENCES `memberships`(`user_id`,`chat_id`) ON UPDATE no action ON DELETE cascade
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `mentions_message` ON `mentions` (`chat_id`,`message_id`);
--> statement-breakpoint
CREATE TABLE `messages` (
	`chat_id` integer NOT NULL,
	`id` integer NOT NULL,
	`sender_id` integer NOT NULL,
	`content` text NOT NULL,
	`created_at` integer NOT NULL,
	`edited_at` integer,
	`reply_to` integer,
	PRIMARY KEY(`chat_id`, `id`),
	FOREIGN KEY (`chat_id`) REFERENCES `chats`(`id`) ON UPDATE no action ON DELETE cascade
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `messages_id` ON `messages` (`id`);
--> statement-breakpoint
CREATE TABLE `reactions` (
	`chat_id` integer NOT NULL,
	`message_id` integer NOT NULL,
	`emoji` text NOT NULL,
	`user_id` integer NOT NULL,
	PRIMARY KEY(`chat_id`, `message_id`, `emoji`, `user_id`),
	FOREIGN KEY (`chat_id`,`message_id`) REFERENCES `messages`(`chat_id`,`id`) ON UPDATE no action ON DELETE cascade
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `removals` (
	`chat_id` integer NOT NULL,
	`user_id` integer NOT NULL,
	PRIMARY KEY(`chat_id`, `user_id`),
	FOREIGN KEY (`chat_id`) REFERENCES `chats`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `removals_user` ON `removals` (`user_id`);
--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`user_id` integer NOT NULL,
	`token_hash` blob NOT NULL,
	`device` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_seen_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `sessions_token_hash_unique` ON `sessions` (`token_hash`);
--> statement-breakpoint
CREATE INDEX `sessions_user` ON `sessions` (`user_id`,`last_seen_at`);
--> statement-breakpoint
CREATE INDEX `sessions_last_seen` ON `sessions` (`last_seen_at`);
--> statement-breakpoint
CREATE INDEX `sessions_created` ON `sessions` (`created_at`);
--> statement-breakpoint
CREATE TABLE `users` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`name_key` text NOT NULL,
	`email` text NOT NULL,
	`email_key` text NOT NULL,
	`password_hash` text NOT NULL,
	`role` text NOT NULL,
	`created_at` integer NOT NULL,
	`disabled_at` integer,
	CONSTRAINT "users_role" CHECK("users"."role" in ('admin', 'user'))
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `users_name_key_unique` ON `users` (`name_key`);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_email_key_unique` ON `users` (`email_key`);
--> statement-breakpoint
-- Full-text search: one row for each message, under its id. It keeps no texts, only which words
-- stand where, and so can be made anew from the messages. "ascii" splits at spaces alone here: what
-- goes in was made into words by src/search/words.ts.
CREATE VIRTUAL TABLE search USING fts5(words, scope, content='', contentless_delete=1, tokenize='ascii');
--> statement-breakpoint
-- A trigger, because a deleted chat takes its messages along without a command for each.
CREATE TRIGGER messages_search_delete AFTER DELETE ON messages BEGIN
  DELETE FROM search WHERE rowid = old.id;
END;
