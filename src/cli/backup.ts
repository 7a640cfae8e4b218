import { constants, setPriority } from 'node:os';
import { loadConfig } from '../config.ts';
import { backUp } from '../db/backup.ts';
import { StartError } from '../errors.ts';
import type { Command } from './command.ts';

export const backup: Command = {
  usage: 'backup FILE',
  summary: 'Write a backup to a new file, while the server runs or not.',
  async run(args) {
    const file = onlyFile(args, 'backup');
    // A server on the same machine goes first.
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
    backUp(loadConfig().databaseFile, file);
    console.log(`${file} is a backup of everything until now.`);
  },
};

/** The one file that a command is given. */
export function onlyFile(args: readonly string[], command: string): string {
  const [file = '', ...rest] = args;
  if (file === '' || file.startsWith('-') || rest.length > 0) {
    throw new StartError(`Name one file: snug ${command} FILE`);
  }
  return file;
}
