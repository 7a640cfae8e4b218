/**
 * Replaces the full-text index by an empty one. FTS5 can only empty an index in one statement,
 * which takes a second for a million messages. So the old index is renamed, and its tables are
 * emptied in portions before it is dropped.
 */
import type { Database } from 'better-sqlite3';
import { sql } from 'drizzle-orm';
import { connectionOf } from '../query/orm.ts';
import type { Snapshot } from '../query/query.ts';

/** The name of the old index until it is gone. */
export const oldSearch = 'search_old';

const definitionOf = ({ orm }: Snapshot, name: string): string | undefined =>
  orm.all<{ sql: string }>(sql`SELECT sql FROM sqlite_schema WHERE name = ${name}`)[0]?.sql;

/** Replaces the index by an empty one. There must be no other old index. */
export async function replaceSearch(snapshot: Snapshot): Promise<void> {
  const { orm } = snapshot;
  const table = definitionOf(snapshot, 'search');
  const trigger = definitionOf(snapshot, 'messages_search_delete');
  if (table === undefined || trigger === undefined) throw new Error('there is no search index');
  // Otherwise the trigger would keep using the old index.
  orm.run(sql`DROP TRIGGER messages_search_delete`);
  orm.run(sql.raw(`ALTER TABLE search RENAME TO ${oldSearch}`));
  orm.run(sql.raw(table));
  orm.run(sql.raw(trigger));
}

/** Whether there still is an old index. */
export async function hasOldSearch(snapshot: Snapshot): Promise<boolean> {
  return definitionOf(snapshot, oldSearch) !== undefined;
}

/**
 * The tables of an old index, with the columns that identify their rows. FTS5 no longer reads them.
 */
const keys = { data: 'id', idx: 'segid, term', docsize: 'id' };

/**
 * Deletes some rows of the old index, and the index itself once they are gone.
 *
 * @param limit how many at most; a row can have 4 KB.
 * @returns how many; 0 if the index is gone.
 */
export async function clearOldSearch({ orm }: Snapshot, limit: number): Promise<number> {
  const sqlite = connectionOf(orm);
  for (const [name, key] of Object.entries(keys)) {
    const deleted = deleteSome(sqlite, `${oldSearch}_${name}`, key, limit);
    if (deleted > 0) return deleted;
  }
  sqlite.exec(`DROP TABLE ${oldSearch}`);
  return 0;
}

/** SQLite protects these tables from everybody but FTS5, unless it is in unsafe mode. */
function deleteSome(sqlite: Database, table: string, key: string, limit: number): number {
  sqlite.unsafeMode(true);
  try {
    const some = `SELECT ${key} FROM ${table} LIMIT ${limit}`;
    return sqlite.prepare(`DELETE FROM ${table} WHERE (${key}) IN (${some})`).run().changes;
  } finally {
    sqlite.unsafeMode(false);
  }
}
