/** Opens the database for operator commands, even while a server is running. */
import { realpathSync, statSync } from 'node:fs';
import { OperatorError } from '../../errors.ts';
import { type Connection, connect, connectToRead } from '../file/connection.ts';
import { checkHeader } from '../file/header.ts';
import { requireCurrent } from '../file/migrate.ts';
import { toOperatorError } from '../file/operator-errors.ts';
import { identitiesOf, unmovedCheck } from '../file/sqlite-errors.ts';
import { Reader } from '../read.ts';
import { Store } from '../store.ts';
import { SqliteWriter } from '../writer/sqlite-writer.ts';

/** How long a command waits for a server's writes, in ms. */
const patience = 5_000;

/** Whether there is a database at `path`; an empty file does not count. */
export function hasDatabase(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/**
 * Opens the database at `path` without the lock that a server holds: both may write, one
 * transaction after another, and the server publishes what was written here. Nothing is created or
 * migrated.
 *
 * @throws OperatorError if there is no database, or it is not ours, damaged, of another version, or
 *   not writable.
 */
export function openForCli(path: string): Store {
  const opened: Connection[] = [];
  try {
    const file = findFile(path);
    const writer = connect(file, opened, patience);
    requireCurrent(writer, file);
    const reader = connectToRead(file, opened, patience);
    const check = unmovedCheck(identitiesOf([file]));
    const sqliteWriter = new SqliteWriter(writer, { clock: Date.now, check });
    return new Store(sqliteWriter, new Reader(reader), { cacheBytes: 0 }, () => undefined);
  } catch (error) {
    for (const connection of opened) connection.close();
    throw toOperatorError(error, path);
  }
}

function findFile(path: string): string {
  if (!hasDatabase(path)) {
    throw new OperatorError(
      `There is no database at ${path}. Name it in DATABASE_URL, or start the server to create it.`,
    );
  }
  const file = realpathSync(path);
  checkHeader(file);
  return file;
}
