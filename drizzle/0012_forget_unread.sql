ALTER TABLE `pending_deletions` ADD `done` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
-- What was deleted so far was unread for nobody at once.
UPDATE `pending_deletions` SET `done` = `id`;--> statement-breakpoint
CREATE INDEX `pending_deletions_message` ON `pending_deletions` (`chat_id`,`id`) WHERE "pending_deletions"."kind" = 'message';
