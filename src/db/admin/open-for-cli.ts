/** The database beside a server that may be running: for the operator's commands. */
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

/** How long a command waits for what a server writes, in ms. */
const patience = 5_000;

/** Whether there is a database at `path`; an empty file is none yet. */
export function hasDatabase(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/**
 * Opens the database at `path` without the lock that a server holds: both may write, one transaction
 * after another, and the server tells its readers what was written here. Nothing is made or migrated.
 *
 * @throws OperatorError if there is none, or it is not ours, damaged, of another version, or not to be
 *   written.
 */
export function openForCli(path: string): Store {
  const opened: Connection[] = [];
  try {
    const file = findFile(path);
    const writer = connect(file, opened, patience);
    requireCurrent(writer, file);
    const reader = connectToRead(file, opened, patience);
    const check = unmovedCheck(identitiesOf([file]));
    const own = new SqliteWriter(writer, { clock: Date.now, check });
    return new Store(own, new Reader(reader), { cacheBytes: 0 }, () => undefined);
  } catch (error) {
    for (const connection of opened) connection.close();
    throw toOperatorError(error, path);
  }
}

function findFile(path: string): string {
  if (!hasDatabase(path)) {
    throw new OperatorError(
      `There is no database at ${path}. Name it in DATABASE_URL, or start the server to make it.`,
    );
  }
  const file = realpathSync(path);
  checkHeader(file);
  return file;
}
