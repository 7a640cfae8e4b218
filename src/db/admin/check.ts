/** What may be wrong with the file or with what it counts, each as a query that finds it. */
import { sql } from 'drizzle-orm';
import type { Snapshot } from '../query/query.ts';
import { oldSearch } from './replace-search.ts';

/** What SQLite finds wrong with its own structures; of the full-text index, that it is damaged. */
export async function findDamage({ orm }: Snapshot): Promise<string[]> {
  const found = orm.all<{ integrity_check: string }>(sql`PRAGMA integrity_check`);
  // An index that was replaced is whole no more while it is cleared away.
  const isWell = (line: string) => line === 'ok' || line.includes(oldSearch);
  return found.map((row) => row.integrity_check).filter((line) => !isWell(line));
}

/** How many rows refer to what is not there, but for what is still to be cleared away. */
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

/** How many chats and memberships do not say what their messages, members and mentions do. */
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
 * How many messages the search does not know, or knows without there being any; what a rebuild of the
 * index is yet to come to (search-index/rebuild.ts) is found without it.
 */
export async function countUnsearchable({ orm }: Snapshot): Promise<number> {
  return count(
    orm,
    sql`SELECT (
      SELECT count(*) FROM messages WHERE id NOT IN (SELECT id FROM search_docsize)
        AND id >= coalesce((SELECT CAST(value AS integer) FROM server_state WHERE key = 'search_rebuild'), 0)
    ) + (
      SELECT count(*) FROM search_docsize WHERE id NOT IN (SELECT id FROM messages)
        AND NOT EXISTS (SELECT 1 FROM server_state WHERE key = 'search_outdated')
    ) AS count`,
  );
}

/** How much of the file nothing is in, in bytes; it is used again, or given back by a compaction. */
export async function countFree({ orm }: Snapshot): Promise<number> {
  return count(
    orm,
    sql`SELECT freelist_count * page_size AS count FROM pragma_freelist_count, pragma_page_size`,
  );
}

function count(orm: Snapshot['orm'], query: ReturnType<typeof sql>): number {
  return orm.all<{ count: number }>(query)[0]?.count ?? 0;
}
