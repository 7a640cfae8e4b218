CREATE TABLE `pending_deletions` (
	`kind` text NOT NULL,
	`id` integer NOT NULL,
	`chat_id` integer NOT NULL,
	PRIMARY KEY(`kind`, `id`),
	CONSTRAINT "pending_deletions_kind" CHECK("pending_deletions"."kind" in ('account', 'chat', 'message'))
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `__new_idempotency_keys` (
	`user_id` integer NOT NULL,
	`key` text NOT NULL,
	`chat_id` integer NOT NULL,
	`message_id` integer NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `key`)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO `__new_idempotency_keys`("user_id", "key", "chat_id", "message_id", "created_at") SELECT "user_id", "key", "chat_id", "message_id", "created_at" FROM `idempotency_keys`;--> statement-breakpoint
DROP TABLE `idempotency_keys`;--> statement-breakpoint
ALTER TABLE `__new_idempotency_keys` RENAME TO `idempotency_keys`;--> statement-breakpoint
CREATE INDEX `idempotency_keys_created` ON `idempotency_keys` (`created_at`);--> statement-breakpoint
CREATE TABLE `__new_memberships` (
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
	FOREIGN KEY (`chat_id`) REFERENCES `chats`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "memberships_role" CHECK("__new_memberships"."role" in ('owner', 'member')),
	CONSTRAINT "memberships_notify" CHECK("__new_memberships"."notify" in ('all', 'mentions', 'nothing'))
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO `__new_memberships`("user_id", "chat_id", "role", "joined_at", "joined_event", "notify", "read_id", "seen", "mentions") SELECT "user_id", "chat_id", "role", "joined_at", "joined_event", "notify", "read_id", "seen", "mentions" FROM `memberships`;--> statement-breakpoint
DROP TABLE `memberships`;--> statement-breakpoint
ALTER TABLE `__new_memberships` RENAME TO `memberships`;--> statement-breakpoint
CREATE INDEX `memberships_chat` ON `memberships` (`chat_id`,`joined_event`);--> statement-breakpoint
CREATE INDEX `memberships_owners` ON `memberships` (`chat_id`,`joined_event`) WHERE "memberships"."role" = 'owner';--> statement-breakpoint
CREATE TABLE `__new_removals` (
	`chat_id` integer NOT NULL,
	`user_id` integer NOT NULL,
	PRIMARY KEY(`chat_id`, `user_id`),
	FOREIGN KEY (`chat_id`) REFERENCES `chats`(`id`) ON UPDATE no action ON DELETE cascade
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO `__new_removals`("chat_id", "user_id") SELECT "chat_id", "user_id" FROM `removals`;--> statement-breakpoint
DROP TABLE `removals`;--> statement-breakpoint
ALTER TABLE `__new_removals` RENAME TO `removals`;--> statement-breakpoint
CREATE INDEX `removals_user` ON `removals` (`user_id`);--> statement-breakpoint
ALTER TABLE `chats` ADD `deleted_at` integer;