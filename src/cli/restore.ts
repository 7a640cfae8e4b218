import { loadConfig } from '../config.ts';
import { restore as restoreBackup } from '../db/admin/restore.ts';
import { readArguments, type Subcommand } from './command.ts';

export const restore: Subcommand = {
  usage: 'restore FILE',
  summary: 'Replace the database with a backup (stop the server first; the old file is kept).',
  async run(args) {
    const { positionals } = readArguments('restore FILE', args, {}, 1);
    const [file = ''] = positionals;
    const { databaseFile } = loadConfig();
    const replaced = await restoreBackup(file, databaseFile);
    console.log(`${databaseFile} was restored from ${file}. All users are signed out.`);
    if (replaced !== undefined) console.log(`The previous database is now ${replaced}`);
  },
};
