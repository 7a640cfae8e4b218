/** Queries that find problems in the file or in its counters. */
import { sql } from 'drizzle-orm';
import type { Snapshot } from '../query/query.ts';
import { oldSearch } from './replace-search.ts';

/** Damage that SQLite finds in its own structures, including damage of the full-text index. */
export async function findDamage({ orm }: Snapshot): Promise<string[]> {
  const found = orm.all<{ integrity_check: string }>(sql`PRAGMA integrity_check`);
  // A replaced index is incomplete while it is being deleted.
  const isWell = (line: string) => line === 'ok' || line.includes(oldSearch);
  return found.map((row) => row.integrity_check).filter((line) => !isWell(line));
}

/** How many rows refer to rows that do not exist, except those of pending deletions. */
export async function countOrphans({ orm }: Snapshot): Promise<number> {
  const orphans = await count(
    orm,
    sql`SELECT (
      SELECT count(*) FROM memberships WHERE user_id NOT IN (SELECT id FROM users)
        AND user_id NOT IN (SELECT id FROM pending_deletions WHERE kind = 'account')
        AND chat_id NOT IN (SELECT id FROM pending_deletions WHERE kind = 'chat')
    ) + (
      SELECT count(*) FROM reactions WHERE message_id NOT IN (SELECT id FROM messages)
        AND message_id NOT IN (SELECT id FROM pending_deletions WHERE kind = 'message')
        AND chat_id NOT IN (SELECT id FROM pending_deletions WHERE kind = 'chat')
    ) + (
      SELECT count(*) FROM chats WHERE deleted_at IS NOT NULL
        AND id NOT IN (SELECT id FROM pending_deletions WHERE kind = 'chat')
    ) AS count`,
  );
  return orphans + orm.all(sql`PRAGMA foreign_key_check`).length;
}

/** How many chats, memberships and reactions have counters that do not match their rows. */
export async function countMiscounted({ orm }: Snapshot): Promise<number> {
  return count(
    orm,
    sql`SELECT (
      SELECT count(*) FROM chats WHERE
        deleted_at IS NULL AND (
          member_count <> (SELECT count(*) FROM memberships WHERE chat_id = chats.id)
          OR last_message_id IS NOT (SELECT max(id) FROM messages WHERE chat_id = chats.id)
        )
    ) + (
      SELECT count(*) FROM reaction_counts AS c WHERE count <> (
        SELECT count(*) FROM reactions
        WHERE chat_id = c.chat_id AND message_id = c.message_id AND emoji = c.emoji
      )
    ) + (
      SELECT count(*) FROM memberships AS m WHERE mentions <>
        (SELECT count(*) FROM mentions WHERE user_id = m.user_id AND chat_id = m.chat_id)
    ) AS count`,
  );
}

/**
 * How many messages the search index lacks, and how many of its entries have no message. Messages
 * that wait to be indexed (search-index/waiting.ts), or that a rebuild has yet to reach
 * (search-index/rebuild.ts), do not count.
 */
export async function countUnsearchable({ orm }: Snapshot): Promise<number> {
  return count(
    orm,
    sql`SELECT (
      SELECT count(*) FROM messages WHERE id NOT IN (SELECT id FROM search_docsize)
        AND id >= coalesce((SELECT CAST(value AS integer) FROM server_state WHERE key = 'search_rebuild'), 0)
        AND id <= (SELECT CAST(value AS integer) FROM server_state WHERE key = 'search_indexed')
    ) + (
      SELECT count(*) FROM search_docsize WHERE id NOT IN (SELECT id FROM messages)
        AND NOT EXISTS (SELECT 1 FROM server_state WHERE key = 'search_outdated')
    ) AS count`,
  );
}

/** How much of the file is free, in bytes; it is reused, or returned by a compaction. */
export async function countFree({ orm }: Snapshot): Promise<number> {
  return count(
    orm,
    sql`SELECT freelist_count * page_size AS count FROM pragma_freelist_count, pragma_page_size`,
  );
}

function count(orm: Snapshot['orm'], query: ReturnType<typeof sql>): number {
  return orm.all<{ count: number }>(query)[0]?.count ?? 0;
}
