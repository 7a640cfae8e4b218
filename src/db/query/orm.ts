import type { Database } from 'better-sqlite3';
import { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { BetterSQLiteSession } from 'drizzle-orm/better-sqlite3/session';
import { SQLiteSyncDialect } from 'drizzle-orm/sqlite-core/dialect';

/** Drizzle on one connection. */
export type Orm = BetterSQLite3Database;

/**
 * SQLite may plan a statement anew for each value of a parameter (https://sqlite.org/qpsg.html): for
 * that of `limit ?` always, and for that of `x = ?` where an order is asked for. That takes longer
 * than running it. It does not look behind a `+`, which changes nothing else.
 */
class Dialect extends SQLiteSyncDialect {
  override escapeParam(): string {
    return '+?';
  }
}

/** Lets Drizzle run on a connection. */
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
