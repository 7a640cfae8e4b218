/** A command of the program, for the person who runs the server. */
export interface Command {
  /** What is typed after `snug`, as in `backup FILE`. */
  readonly usage: string;
  /** One line of help. */
  readonly summary: string;
  /**
   * @param args what was typed after the command's name.
   * @throws StartError what the person has to do about it, in one sentence.
   */
  run(args: readonly string[]): Promise<void>;
}
