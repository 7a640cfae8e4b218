import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { OperatorError } from '../errors.ts';

/** A command of the program, for the person who runs the server. */
export interface Subcommand {
  /** What is typed after `snug`, as in `backup FILE`. */
  readonly usage: string;
  /** One line of help. */
  readonly summary: string;
  /** More of it, for `snug help` and the command's name. */
  readonly details?: string;
  /**
   * @param args what was typed after the command's name.
   * @throws OperatorError what the person has to do about it, in one sentence.
   */
  run(args: readonly string[]): Promise<void>;
}

/**
 * Takes apart what was typed after a command's name.
 *
 * @param names how many words it takes beside its options.
 * @throws OperatorError that shows how the command is typed.
 */
export function readArguments<const Options extends ParseArgsOptionsConfig>(
  usage: string,
  args: readonly string[],
  options: Options,
  names = 0,
) {
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true });
    if (parsed.positionals.length === names) return parsed;
  } catch (error) {
    const [mistake] = (error as Error).message.split(/[.\n]/, 1);
    throw new OperatorError(`${mistake}. Type: snug ${usage}`);
  }
  throw new OperatorError(`Type: snug ${usage}`);
}
