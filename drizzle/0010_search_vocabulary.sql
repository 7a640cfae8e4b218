-- STRICT and WITHOUT ROWID are added by hand: drizzle-kit knows neither of them.
CREATE TABLE `search_vocabulary` (
	`block` integer NOT NULL,
	`word` text NOT NULL,
	PRIMARY KEY(`block`, `word`)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
-- The server fills it in portions: see src/search/vocabulary/vocabulary.ts.
ALTER TABLE `search_blocks` ADD `known_to` integer DEFAULT 0 NOT NULL;
