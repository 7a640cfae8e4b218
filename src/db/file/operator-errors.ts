import { OperatorError } from '../../errors.ts';
import { isOutOfSpace } from './disk-space.ts';
import { noSpaceError } from './files.ts';
import { WriterNotStarted } from './sqlite-errors.ts';

/**
 * What an error says about the file, by its code: the system's, or https://sqlite.org/rescode.html
 */
const meanings: readonly (readonly [codes: RegExp, sentence: string])[] = [
  [/^SQLITE_(NOTADB|CORRUPT)/, 'is damaged. Restore a backup.'],
  [/^(SQLITE_(BUSY|LOCKED)|EBUSY$)/, 'is in use by another program. Stop it first.'],
  [/^ENAMETOOLONG$/, 'has a name that is too long. Name another file in DATABASE_URL.'],
  [/^ELOOP$/, 'is a symbolic link that leads nowhere. Name another file in DATABASE_URL.'],
  [/^(EMFILE|ENFILE)$/, 'cannot be opened: too many files are open. Raise the limit (ulimit -n).'],
  [
    /^SQLITE_(CANTOPEN|READONLY|PERM)|^E(ACCES|PERM|ROFS|NOENT|NOTDIR|ISDIR|EXIST)$/,
    'cannot be written. Check its folder and who owns it.',
  ],
];

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
  const sentence = meanings.find(([codes]) => codes.test(code))?.[1];
  if (sentence !== undefined) return new OperatorError(`${file} ${sentence}`);
  if (!ofTheSystem.test(code)) return error;
  return new OperatorError(`${file}: its disk fails (${code}). Check the system log.`);
}
