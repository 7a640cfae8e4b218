-- More letters are folded: the server makes the index anew in portions, as in 0008.
INSERT OR REPLACE INTO server_state (key, value)
	SELECT 'search_rebuild', '1000000000000000' FROM messages LIMIT 1;
--> statement-breakpoint
INSERT OR REPLACE INTO server_state (key, value)
	SELECT 'search_outdated', 'yes' FROM messages LIMIT 1;
