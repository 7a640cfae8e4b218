ALTER TABLE `sessions` ADD `verified_at` integer DEFAULT 0 NOT NULL;
--> statement-breakpoint
UPDATE `sessions` SET `verified_at` = `created_at`;
--> statement-breakpoint
-- A database that ever had a user is set up: nobody becomes its admin by registering any more.
INSERT INTO `server_state` (`key`, `value`)
SELECT 'setup', 'done' WHERE EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'users');
