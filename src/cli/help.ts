import about from '#package' with { type: 'json' };
import { OperatorError } from '../errors.ts';
import type { Subcommand } from './command.ts';

type Subcommands = Readonly<Record<string, Subcommand>>;

/** The name of the program and its version. */
export const version = `snug ${about.version}`;

/**
 * Shows all subcommands, or those whose names start with these words; for a single one, its details
 * too.
 */
export function showHelp(subcommands: Subcommands, words: readonly string[]): void {
  const name = words.join(' ');
  const found = Object.entries(subcommands).filter(
    ([key]) => `${key} `.startsWith(`${name} `) || !name,
  );
  if (found.length === 0) throw new OperatorError(`There is no command "${name}". See: snug help`);
  const listed = found.map(([, subcommand]) => subcommand);
  const width = Math.max(...listed.map(({ usage }) => usage.length));
  for (const { usage, summary } of listed) {
    console.log(`snug ${usage.padEnd(width)}  ${summary}`);
  }
  const details = listed.length === 1 ? listed[0]?.details : undefined;
  if (details !== undefined) console.log(`\n${details}`);
}
