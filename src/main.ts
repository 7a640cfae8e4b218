/** The command line: `snug [command]`. */
import { fileURLToPath } from 'node:url';
import { backup } from './cli/backup.ts';
import { check } from './cli/check.ts';
import { readArguments, type Subcommand } from './cli/command.ts';
import { compact } from './cli/compact.ts';
import { showHelp, version } from './cli/help.ts';
import { invite } from './cli/invite.ts';
import { restore } from './cli/restore.ts';
import { sentenceOf } from './cli/sentence.ts';
import { setupCode } from './cli/setup-code.ts';
import { stats } from './cli/stats.ts';
import { userList } from './cli/user-list.ts';
import { userCommands } from './cli/users.ts';
import { OperatorError } from './errors.ts';
import { serve } from './serve.ts';

const subcommands: Readonly<Record<string, Subcommand>> = {
  serve: {
    usage: 'serve',
    summary: 'Run the server (the default).',
    run: async (args) => {
      readArguments('serve', args, {});
      await serve();
    },
  },
  backup,
  restore,
  'user list': userList,
  ...userCommands,
  invite,
  'setup-code': setupCode,
  check,
  compact,
  stats,
  help: {
    usage: 'help [COMMAND]',
    summary: 'Show this list, or details of a command.',
    run: async (args) => showHelp(subcommands, args),
  },
};

/** A command's name is one word or two. */
async function main(args: readonly string[]): Promise<void> {
  const [first = 'serve', second] = args;
  if (first === '--version') return console.log(version);
  if (first === '--help') return showHelp(subcommands, []);
  const name =
    second !== undefined && isSubcommand(`${first} ${second}`) ? `${first} ${second}` : first;
  if (args.includes('--help')) return showHelp(subcommands, [name]);
  if (!isSubcommand(name)) throw unknownCommand(args);
  await subcommands[name]?.run(args.slice(name.split(' ').length));
}

function unknownCommand([first = '', second = '']: readonly string[]): OperatorError {
  const isGroup = Object.keys(subcommands).some((name) => name.startsWith(`${first} `));
  if (!isGroup) return new OperatorError(`There is no command "${first}". See: snug help`);
  const name = `${first} ${second}`.trim();
  return new OperatorError(`There is no command "${name}". See: snug help ${first}`);
}

const isSubcommand = (name: string) => Object.hasOwn(subcommands, name);

main(process.argv.slice(2)).catch((error: unknown) => {
  const sentence = sentenceOf(error, fileURLToPath(new URL('.', import.meta.url)));
  console.error(sentence === undefined ? error : `snug: ${sentence}`);
  process.exit(1);
});
