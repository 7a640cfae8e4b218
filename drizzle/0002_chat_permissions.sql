ALTER TABLE `chats` ADD `created_by` integer;--> statement-breakpoint
ALTER TABLE `chats` ADD `owners_rename` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `chats` ADD `owners_invite` integer DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX `chats_created_by` ON `chats` (`created_by`,`is_open`);