import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { OperatorError } from '../../errors.ts';

/** The lock file is next to the database and always empty. */
export const lockFile = (file: string) => `${file}.lock`;

/** Another server is using the database. */
export class InUse extends OperatorError {
  constructor(file: string) {
    super(
      `Another Snug server is using ${file}. Stop it first, or name another file in DATABASE_URL.`,
    );
  }
}

/**
 * Takes the lock of a database, which only one server can hold, until `release` or the end of the
 * process, however it ends. The lock belongs to the operating system and is held through an empty
 * SQLite file next to the database, so there is nothing to clean up after a crash.
 *
 * @throws OperatorError if another server holds it (InUse), or it cannot be taken.
 */
export function lockInstance(file: string): { release(): void } {
  const opened: Database.Database[] = [];
  try {
    // SQLite would open a pipe, and wait for the process at its other end.
    if (!statSync(lockFile(file)).isFile()) throw new Error('no file');
    const lock = new Database(lockFile(file), { timeout: 0 });
    opened.push(lock);
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
    return { release: () => lock.close() };
  } catch (error) {
    for (const lock of opened) lock.close();
    if ((error as { code?: string }).code === 'SQLITE_BUSY') throw new InUse(file);
    throw new OperatorError(`${lockFile(file)} cannot be locked. Check who owns it, or delete it.`);
  }
}
