import { type Config, loadConfig } from '../config.ts';
import { openForCli } from '../db/admin/open-for-cli.ts';
import type { Store } from '../db/store.ts';

/** Runs a function with the database from the settings, and always closes the database. */
export async function withDatabase<Result>(
  use: (db: Store, config: Config) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig();
  const db = openForCli(config.databaseFile);
  try {
    return await use(db, config);
  } finally {
    await db.close();
  }
}
