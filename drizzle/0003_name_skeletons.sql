CREATE TABLE `name_skeletons` (
	`skeleton` text NOT NULL,
	`user_id` integer NOT NULL,
	`held_until` integer,
	PRIMARY KEY(`skeleton`, `user_id`)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `name_skeletons_user` ON `name_skeletons` (`user_id`);--> statement-breakpoint
CREATE INDEX `name_skeletons_held` ON `name_skeletons` (`held_until`) WHERE "name_skeletons"."held_until" is not null;
--> statement-breakpoint
-- SQL cannot tell what the names of today look like: src/users/held.ts notes them, from the first on.
INSERT INTO server_state (key, value) SELECT 'names_noted_up_to', '0' WHERE EXISTS (SELECT 1 FROM users);
