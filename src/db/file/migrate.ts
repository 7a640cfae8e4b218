import type { Database } from 'better-sqlite3';
import { OperatorError } from '../../errors.ts';
import { bundledMigrations } from './bundled-migrations.ts';
import { isOutOfSpace, NoSpaceError } from './disk-space.ts';
import type { Migration } from './migrations.ts';

/**
 * Brings the schema up to date, with all missing migrations in one transaction.
 *
 * This is our own migrator, because drizzle's keeps foreign keys on while a table is rebuilt (ON
 * DELETE CASCADE then deletes every child row) and skips a merged migration with an older date.
 *
 * @param migrations the migrations that the program has, oldest first.
 * @throws OperatorError for a schema that is newer than the program, or not made by its migrations,
 *   and if a migration fails; NoSpaceError.
 */
export function migrate(
  sqlite: Database,
  file: string,
  migrations: readonly Migration[] = bundledMigrations,
): void {
  const missing = migrations.slice(countApplied(sqlite, file, migrations));
  if (missing.length === 0) return;
  // SQLite ignores this pragma inside a transaction.
  sqlite.pragma('foreign_keys = OFF');
  try {
    sqlite.transaction(() => {
      for (const migration of missing) apply(sqlite, migration);
      sqlite.pragma(`user_version = ${migrations.length}`);
      const broken = sqlite.pragma('foreign_key_check') as unknown[];
      if (broken.length > 0) throw new Error(`migration breaks ${broken.length} foreign keys`);
    })();
  } catch (error) {
    throw isOutOfSpace(error, file)
      ? new NoSpaceError(file, error)
      : new Failed(file, error as Error);
  } finally {
    sqlite.pragma('foreign_keys = ON');
  }
}

class Failed extends OperatorError {
  constructor(file: string, cause: Error) {
    super(
      `The upgrade of ${file} failed (${cause.message}). The file is unchanged: install the previous version, and report this.`,
    );
    this.cause = cause;
  }
}

/**
 * Makes sure that the file has this program's schema.
 *
 * @throws OperatorError for an older one as well.
 */
export function requireCurrent(sqlite: Database, file: string): void {
  if (isCurrent(sqlite, file)) return;
  throw new OperatorError(
    `${file} was written by an older version of Snug. Start the server once to upgrade it.`,
  );
}

/**
 * Whether the file has this program's schema; refuses one that is neither this nor an older one.
 */
export function isCurrent(
  sqlite: Database,
  file: string,
  migrations: readonly Migration[] = bundledMigrations,
): boolean {
  return countApplied(sqlite, file, migrations) === migrations.length;
}

/** How many of the program's migrations the file has; refuses a file that has others. */
function countApplied(sqlite: Database, file: string, migrations: readonly Migration[]): number {
  const version = sqlite.pragma('user_version', { simple: true }) as number;
  if (version > migrations.length) {
    throw new OperatorError(
      `${file} was written by a newer version of Snug. Install that version, or a later one.`,
    );
  }
  if (version === 0) return 0;
  const hashes = hashesOf(sqlite);
  if (hashes.length !== version || hashes.some((hash, i) => hash !== migrations[i]?.hash)) {
    throw new OperatorError(
      `The schema of ${file} does not match this version of Snug. Restore a backup.`,
    );
  }
  return version;
}

/** The hashes of the applied migrations, in order; none if the file does not list them. */
function hashesOf(sqlite: Database): unknown[] {
  const table = sqlite.prepare("select 1 from sqlite_schema where name = 'migrations'").get();
  if (table === undefined) return [];
  return sqlite.prepare('select hash from migrations order by name').pluck().all();
}

function apply(sqlite: Database, { name, sql, hash }: Migration): void {
  sqlite.exec(`create table if not exists migrations (
    name text primary key, hash text not null, applied_at integer not null) strict, without rowid`);
  sqlite.exec(sql);
  sqlite
    .prepare('insert into migrations (name, hash, applied_at) values (?, ?, ?)')
    .run(name, hash, Date.now());
}
