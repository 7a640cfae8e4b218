import type { Database } from 'better-sqlite3';
import { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { BetterSQLiteSession } from 'drizzle-orm/better-sqlite3/session';
import { SQLiteSyncDialect } from 'drizzle-orm/sqlite-core/dialect';

/** Drizzle on one connection. */
export type Orm = BetterSQLite3Database;

/**
 * SQLite may plan a statement again for each value of a parameter (https://sqlite.org/qpsg.html):
 * always for that of `limit ?`, and for that of `x = ?` where the query has an order. Planning
 * takes longer than running the statement. SQLite does not look behind a `+`, which changes nothing
 * else.
 */
class Dialect extends SQLiteSyncDialect {
  override escapeParam(): string {
    return '+?';
  }
}

/** Makes Drizzle use a connection. */
export function toOrm(sqlite: Database): Orm {
  const dialect = new Dialect();
  const session = new BetterSQLiteSession<Record<string, never>, Record<string, never>>(
    sqlite,
    dialect,
    undefined,
  );
  const orm: Orm = new BetterSQLite3Database('sync', dialect, session, undefined);
  connections.set(orm, sqlite);
  return orm;
}

const connections = new WeakMap<Orm, Database>();

/** The connection that Drizzle uses, for settings that no statement can change. */
export function connectionOf(orm: Orm): Database {
  const sqlite = connections.get(orm);
  if (sqlite === undefined) throw new Error('not made by toOrm');
  return sqlite;
}
