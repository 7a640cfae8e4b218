CREATE TABLE `known_networks` (
	`user_id` integer NOT NULL,
	`hash` blob NOT NULL,
	`seen_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `hash`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `known_networks_user` ON `known_networks` (`user_id`,`seen_at`);
--> statement-breakpoint
CREATE INDEX `known_networks_seen` ON `known_networks` (`seen_at`);