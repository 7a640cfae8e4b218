import Database from 'better-sqlite3';
import { sql } from 'drizzle-orm';
import { migrate } from '../file/migrate.ts';
import type { Snapshot } from '../query/query.ts';
import { oldSearch } from './replace-search.ts';

/**
 * The tables, indexes and triggers that differ from what the migrations make: missing, changed, or
 * of unknown origin.
 */
export async function findForeignSchema({ orm }: Snapshot): Promise<string[]> {
  const found = schemaOf((query) => orm.all(sql.raw(query)));
  const expected = expectedSchema();
  const names = new Set([...found.keys(), ...expected.keys()]);
  return [...names].filter((name) => found.get(name) !== expected.get(name)).sort();
}

function expectedSchema(): Map<string, string> {
  const sqlite = new Database(':memory:');
  try {
    migrate(sqlite, 'in memory');
    return schemaOf((query) => sqlite.prepare(query).all() as SchemaRow[]);
  } finally {
    sqlite.close();
  }
}

interface SchemaRow {
  readonly name: string;
  readonly sql: string;
}

/**
 * Tables that SQLite creates itself, such as those behind a virtual table, are left out, and so is
 * a search index that is being deleted.
 */
const schemaQuery = `
  SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite~_%' ESCAPE '~'
    AND name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')
    AND name <> '${oldSearch}'`;

/** Definitions by name, without spaces and quotes: a later SQLite may write those differently. */
function schemaOf(run: (query: string) => SchemaRow[]): Map<string, string> {
  return new Map(
    run(schemaQuery).map(({ name, sql: text }) => [name, text.replace(/[\s"'`[\]]+/g, '')]),
  );
}
