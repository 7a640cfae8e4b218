-- New messages wait before they are indexed. Up to now, each was indexed at once.
INSERT INTO server_state (key, value) SELECT 'search_indexed', coalesce(max(id), 0) FROM messages;
