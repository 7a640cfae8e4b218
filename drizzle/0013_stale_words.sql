-- STRICT and WITHOUT ROWID are added by hand: drizzle-kit knows neither of them.
CREATE TABLE `stale_words` (
	`block` integer NOT NULL,
	`word` text NOT NULL,
	PRIMARY KEY(`block`, `word`)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
-- Vocabularies kept the words of deleted messages until now. The server makes them again in portions.
UPDATE search_blocks SET known_to = 0;
