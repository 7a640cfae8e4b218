import type { Database } from 'better-sqlite3';
import { OperatorError } from '../../errors.ts';
import { bundledMigrations } from './bundled-migrations.ts';
import { isOutOfSpace, NoSpaceError } from './disk-space.ts';
import type { Migration } from './migrations.ts';

/**
 * Brings the schema up to date: all that is missing in one transaction, or nothing.
 *
 * Our own, because drizzle's migrator keeps foreign keys on while a table is rebuilt (ON DELETE
 * CASCADE then deletes every child row) and skips a merged migration with an older date.
 *
 * @param known the migrations that the program knows, oldest first.
 * @throws OperatorError for a schema that is newer than the program, or not made by its migrations, and
 *   if a migration fails; NoSpaceError.
 */
export function migrate(
  sqlite: Database,
  file: string,
  known: readonly Migration[] = bundledMigrations,
): void {
  const missing = known.slice(countApplied(sqlite, file, known));
  if (missing.length === 0) return;
  // SQLite ignores this pragma inside a transaction.
  sqlite.pragma('foreign_keys = OFF');
  try {
    sqlite.transaction(() => {
      for (const migration of missing) apply(sqlite, migration);
      sqlite.pragma(`user_version = ${known.length}`);
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
      `The upgrade of ${file} failed (${cause.message}). It is as it was: install the version before, and report this.`,
    );
    this.cause = cause;
  }
}

/**
 * Makes sure that the schema is the one of this program.
 *
 * @throws OperatorError for an older one as well.
 */
export function requireCurrent(sqlite: Database, file: string): void {
  if (isCurrent(sqlite, file)) return;
  throw new OperatorError(
    `${file} was written by an older version of Snug. Start the server once: it brings it up to date.`,
  );
}

/** Whether the schema is the one of this program; refuses a file that has another than an older one. */
export function isCurrent(
  sqlite: Database,
  file: string,
  known: readonly Migration[] = bundledMigrations,
): boolean {
  return countApplied(sqlite, file, known) === known.length;
}

/** How many of the known migrations the file has; refuses a file that has others. */
function countApplied(sqlite: Database, file: string, known: readonly Migration[]): number {
  const version = sqlite.pragma('user_version', { simple: true }) as number;
  if (version > known.length) {
    throw new OperatorError(
      `${file} was written by a newer version of Snug. Install that version, or a later one.`,
    );
  }
  if (version === 0) return 0;
  const hashes = hashesOf(sqlite);
  if (hashes.length !== version || hashes.some((hash, i) => hash !== known[i]?.hash)) {
    throw new OperatorError(
      `The schema of ${file} is not one that this version of Snug has made. Restore a backup.`,
    );
  }
  return version;
}

/** The hashes of the migrations that were applied, in their order; none where they are not noted. */
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
