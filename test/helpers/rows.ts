/** A look into the database file, past the server. */
import Database from 'better-sqlite3';

type Row = Record<string, unknown>;

/** Every row of every table. */
export function allRows(file: string): Record<string, Row[]> {
  return withFile(file, (sqlite) => {
    const tables = sqlite.prepare("select name from sqlite_schema where type = 'table'").pluck();
    const names = tables.all() as string[];
    return Object.fromEntries(names.map((name) => [name, select(sqlite, name)]));
  });
}

/** Rows of one query. */
export function query(file: string, sql: string, ...values: unknown[]): Row[] {
  return withFile(file, (sqlite) => sqlite.prepare(sql).all(...values) as Row[]);
}

/** One change, as only somebody with the file can make it. */
export function execute(file: string, sql: string, ...values: unknown[]): void {
  withFile(file, (sqlite) => sqlite.prepare(sql).run(...values));
}

/** What is wrong with the file: rows that refer to nothing, or worse. */
export function damage(file: string): unknown[] {
  return withFile(file, (sqlite) => [
    ...(sqlite.pragma('foreign_key_check') as unknown[]),
    ...select(sqlite, 'pragma_integrity_check').filter((row) => row.integrity_check !== 'ok'),
  ]);
}

function select(sqlite: Database.Database, table: string): Row[] {
  return sqlite.prepare(`select * from "${table}"`).all() as Row[];
}

function withFile<Result>(file: string, look: (sqlite: Database.Database) => Result): Result {
  const sqlite = new Database(file);
  try {
    return look(sqlite);
  } finally {
    sqlite.close();
  }
}
