ALTER TABLE `memberships` ADD `by_self` integer DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX `memberships_by_self` ON `memberships` (`user_id`) WHERE "memberships"."by_self" = 1;