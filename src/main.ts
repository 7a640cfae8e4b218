/** The command line: `snug [command]`. */
import { backup } from './cli/backup.ts';
import type { Command } from './cli/command.ts';
import { restore } from './cli/restore.ts';
import { StartError } from './errors.ts';
import { serve } from './serve.ts';

const commands: Readonly<Record<string, Command>> = {
  serve: { usage: 'serve', summary: 'Run the server (the default).', run: serve },
  backup,
  restore,
  help: { usage: 'help', summary: 'Show this.', run: showHelp },
};

async function main([name = 'serve', ...args]: readonly string[]): Promise<void> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    throw new StartError(`There is no command "${name}". See: snug help`);
  }
  await command.run(args);
}

async function showHelp(): Promise<void> {
  const listed = Object.values(commands);
  const width = Math.max(...listed.map(({ usage }) => usage.length));
  for (const { usage, summary } of listed) {
    console.log(`snug ${usage.padEnd(width)}  ${summary}`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  // A StartError is meant for the reader as it stands; anything else is a defect: show it whole.
  console.error(error instanceof StartError ? `snug: ${error.message}` : error);
  process.exit(1);
}
