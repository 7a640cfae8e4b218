import { constants, setPriority } from 'node:os';
import { loadConfig } from '../config.ts';
import { backUp } from '../db/admin/backup.ts';
import { readArguments, type Subcommand } from './command.ts';

export const backup: Subcommand = {
  usage: 'backup FILE',
  summary: 'Write a backup to a new file; the server can keep running.',
  async run(args) {
    const { positionals } = readArguments('backup FILE', args, {}, 1);
    const [file = ''] = positionals;
    // A server on the same machine has priority.
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
    await backUp(loadConfig().databaseFile, file);
    console.log(`${file} is a backup of the database as it is now.`);
  },
};
