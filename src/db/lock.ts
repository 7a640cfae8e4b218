import Database from 'better-sqlite3';
import { StartError } from '../errors.ts';

/** Lies beside the database, always empty. */
export const lockFile = (file: string) => `${file}.lock`;

/**
 * Takes the one place that a server may have at a database, until `release` or the end of the
 * process, however it ends: the lock is the operating system's, held through an empty SQLite file
 * beside the database, so that nothing is left to clean up after a crash.
 *
 * @throws StartError if another server has it, or it cannot be had.
 */
export function lockInstance(file: string): { release(): void } {
  const lock = new Database(lockFile(file), { timeout: 0 });
  try {
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') {
      throw new StartError(`${lockFile(file)} cannot be locked. Check who owns it, or delete it.`);
    }
    throw new StartError(
      `Another Snug server is using ${file}. Stop it first, or name another file in DATABASE_URL.`,
    );
  }
  return { release: () => lock.close() };
}
