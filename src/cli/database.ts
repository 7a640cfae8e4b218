import { type Config, loadConfig } from '../config.ts';
import { openBeside } from '../db/admin/open-for-cli.ts';
import type { Store } from '../db/store.ts';

/** Runs what a command does with the database of the settings, and closes it in any case. */
export async function withDatabase<Result>(
  use: (db: Store, config: Config) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig();
  const db = openBeside(config.databaseFile);
  try {
    return await use(db, config);
  } finally {
    await db.close();
  }
}
