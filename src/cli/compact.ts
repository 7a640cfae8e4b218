import { loadConfig } from '../config.ts';
import { compact as compactDatabase } from '../db/admin/compact.ts';
import { readArguments, type Subcommand } from './command.ts';

export const compact: Subcommand = {
  usage: 'compact',
  summary: 'Return free space in the database file to the disk (stop the server first).',
  details:
    'Nothing else changes: users stay signed in. It needs disk space for a second file of the final size. "snug stats" shows how much of the file is free.',
  async run(args) {
    readArguments(compact.usage, args, {});
    const { databaseFile } = loadConfig();
    const { before, after } = compactDatabase(databaseFile);
    console.log(`${databaseFile} has ${after} bytes now; it had ${before} before.`);
  },
};
