-- STRICT, WITHOUT ROWID and what concerns search are added by hand: drizzle-kit knows none of them.
CREATE TABLE `search_blocks` (
	`chat_id` integer NOT NULL,
	`first_id` integer NOT NULL,
	PRIMARY KEY(`chat_id`, `first_id`),
	FOREIGN KEY (`chat_id`) REFERENCES `chats`(`id`) ON UPDATE no action ON DELETE cascade
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
-- Every 16,384th message of a chat opens a block; see src/search/blocks.ts.
INSERT INTO search_blocks (chat_id, first_id)
	SELECT chat_id, id FROM (
		SELECT chat_id, id, row_number() OVER (PARTITION BY chat_id ORDER BY id) AS number FROM messages
	) AS numbered
	WHERE number % 16384 = 1;
--> statement-breakpoint
-- The words of the old index bear other marks. The server replaces it and makes it anew in portions, the
-- newest messages first: see src/search/rebuild.ts.
INSERT INTO server_state (key, value)
	SELECT 'search_rebuild', '1000000000000000' FROM messages LIMIT 1;
--> statement-breakpoint
INSERT INTO server_state (key, value)
	SELECT 'search_outdated', 'yes' FROM messages LIMIT 1;
