import { loadConfig } from '../config.ts';
import { restore as replaceBy } from '../db/admin/restore.ts';
import { readArguments, type Subcommand } from './command.ts';

export const restore: Subcommand = {
  usage: 'restore FILE',
  summary: 'Put a backup in the place of the database, which is kept; the server must be stopped.',
  async run(args) {
    const { positionals } = readArguments('restore FILE', args, {}, 1);
    const [file = ''] = positionals;
    const { databaseFile } = loadConfig();
    const replaced = await replaceBy(file, databaseFile);
    console.log(`${databaseFile} is what ${file} was. All sessions have ended.`);
    if (replaced !== undefined) console.log(`The database before is kept as ${replaced}`);
  },
};
