import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { OperatorError } from '../errors.ts';

/** A command of the program, for the operator. */
export interface Subcommand {
  /** What to type after `snug`, such as `backup FILE`. */
  readonly usage: string;
  /** One line of help. */
  readonly summary: string;
  /** More help, for `snug help` and the command's name. */
  readonly details?: string;
  /**
   * @param args the arguments after the command's name.
   * @throws OperatorError a sentence that says what to do about the problem.
   */
  run(args: readonly string[]): Promise<void>;
}

/**
 * Parses the arguments after a command's name.
 *
 * @param names how many words it expects besides its options.
 * @throws OperatorError that shows the command's usage.
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
    throw new OperatorError(`${mistake}. Usage: snug ${usage}`);
  }
  throw new OperatorError(`Usage: snug ${usage}`);
}
