import { loadConfig } from '../config.ts';
import { compact as writeAnew } from '../db/admin/compact.ts';
import { readArguments, type Subcommand } from './command.ts';

export const compact: Subcommand = {
  usage: 'compact',
  summary: 'Give back the room in the file that deletions have left; the server must be stopped.',
  details:
    'Nothing else changes: people stay signed in. It needs room for a second file of the size that will remain. "snug stats" says how much is free in the file.',
  async run(args) {
    readArguments(compact.usage, args, {});
    const { databaseFile } = loadConfig();
    const { before, after } = writeAnew(databaseFile);
    console.log(`${databaseFile} has ${after} bytes now; it had ${before}.`);
  },
};
