CREATE TABLE `reaction_counts` (
	`chat_id` integer NOT NULL,
	`message_id` integer NOT NULL,
	`emoji` text NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`chat_id`, `message_id`, `emoji`),
	FOREIGN KEY (`chat_id`,`message_id`) REFERENCES `messages`(`chat_id`,`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "reaction_counts_count" CHECK("reaction_counts"."count" > 0)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO `reaction_counts`("chat_id", "message_id", "emoji", "count") SELECT "chat_id", "message_id", "emoji", count(*) FROM `reactions` GROUP BY "chat_id", "message_id", "emoji";
--> statement-breakpoint
CREATE TABLE `__new_reactions` (
	`chat_id` integer NOT NULL,
	`message_id` integer NOT NULL,
	`emoji` text NOT NULL,
	`user_id` integer NOT NULL,
	PRIMARY KEY(`chat_id`, `message_id`, `emoji`, `user_id`)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO `__new_reactions`("chat_id", "message_id", "emoji", "user_id") SELECT "chat_id", "message_id", "emoji", "user_id" FROM `reactions`;
--> statement-breakpoint
DROP TABLE `reactions`;
--> statement-breakpoint
ALTER TABLE `__new_reactions` RENAME TO `reactions`;
--> statement-breakpoint
CREATE INDEX `reactions_user` ON `reactions` (`chat_id`,`user_id`,`message_id`);
--> statement-breakpoint
ALTER TABLE `events` ADD `emoji` text;
--> statement-breakpoint
-- From now on a member has at most 1,000 unread mentions in a chat: the newest are kept.
DELETE FROM `mentions` WHERE (`user_id`, `chat_id`) IN (
  SELECT `user_id`, `chat_id` FROM `memberships` WHERE `mentions` > 1000
) AND `message_id` < (
  SELECT newer.`message_id` FROM `mentions` AS newer
  WHERE newer.`user_id` = `mentions`.`user_id` AND newer.`chat_id` = `mentions`.`chat_id`
  ORDER BY newer.`message_id` DESC LIMIT 1 OFFSET 999
);
--> statement-breakpoint
UPDATE `memberships` SET `mentions` = 1000 WHERE `mentions` > 1000;
