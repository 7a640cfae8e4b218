import { type Config, loadConfig } from '../config.ts';
import { openForCli } from '../db/admin/open-for-cli.ts';
import type { Store } from '../db/store.ts';

/** Runs what a command does with the database of the settings, and closes it in any case. */
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
