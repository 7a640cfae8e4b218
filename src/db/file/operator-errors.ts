import { OperatorError } from '../../errors.ts';
import { isOutOfSpace } from './disk-space.ts';
import { meaningOf } from './error-codes.ts';
import { noSpaceError } from './files.ts';
import { WriterNotStarted } from './sqlite-errors.ts';

/**
 * Other errors of the system. Node's own ERR_ codes are defects of ours, like the rest of SQLite's.
 */
const ofTheSystem = /^(SQLITE_(IOERR|NOMEM|PROTOCOL|NOLFS)|E(?!RR_)[A-Z\d]+$)/;

/** The sentence for the operator about an error of the database or its file. */
export function toOperatorError(error: unknown, file: string): unknown {
  const { code } = (error ?? {}) as { code?: unknown };
  if (error instanceof OperatorError || typeof code !== 'string') return error;
  if (error instanceof WriterNotStarted) {
    return new OperatorError(
      `A thread cannot be started (${error.cause}). Allow this process more memory, files or tasks.`,
    );
  }
  if (isOutOfSpace(error, file)) return noSpaceError(file);
  const sentence = meaningOf(error, 'sentence');
  if (sentence !== undefined) return new OperatorError(`${file} ${sentence}`);
  if (!ofTheSystem.test(code)) return error;
  return new OperatorError(`${file}: its disk fails (${code}). Check the system log.`);
}
