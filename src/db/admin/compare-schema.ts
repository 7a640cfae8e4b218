import Database from 'better-sqlite3';
import { sql } from 'drizzle-orm';
import { migrate } from '../file/migrate.ts';
import type { Snapshot } from '../query/query.ts';
import { oldSearch } from './replace-search.ts';

/**
 * Which tables, indexes and triggers are not as the migrations make them: missing, changed, or
 * nobody knows from where.
 */
export async function findForeignSchema({ orm }: Snapshot): Promise<string[]> {
  const found = schemaOf((query) => orm.all(sql.raw(query)));
  const wanted = wantedSchema();
  const names = new Set([...found.keys(), ...wanted.keys()]);
  return [...names].filter((name) => found.get(name) !== wanted.get(name)).sort();
}

function wantedSchema(): Map<string, string> {
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
 * Tables that SQLite creates itself, such as those behind a virtual table, are left out. So is a search
 * index that is being cleared away.
 */
const schemaQuery = `
  SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite~_%' ESCAPE '~'
    AND name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')
    AND name <> '${oldSearch}'`;

/** Definitions by name. A later SQLite may put its spaces and quotes otherwise. */
function schemaOf(ask: (query: string) => SchemaRow[]): Map<string, string> {
  return new Map(
    ask(schemaQuery).map(({ name, sql: text }) => [name, text.replace(/[\s"'`[\]]+/g, '')]),
  );
}
