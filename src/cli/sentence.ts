/** The sentence that the command line prints when a command fails. */
import { OperatorError, Refusal } from '../errors.ts';

/** What is missing or does not fit, of the program itself or of what it needs. */
const notWhole = /^(ERR_)?MODULE_NOT_FOUND$|^ERR_(DLOPEN_FAILED|PACKAGE_)/;

/** What the loader of Linux says of a library that is older than the database's driver needs it. */
const oldLibrary = /\b(GLIBC|GLIBCXX|CXXABI)_[\d.]+' not found/;

/** What it says of one that is not there. */
const noLibrary = /^(\S+): cannot open shared object file/;

/**
 * The reason of a failure, and what to do.
 *
 * @param folder where the program lies.
 * @returns undefined for a defect, which is shown whole.
 */
export function sentenceOf(error: unknown, folder: string): string | undefined {
  if (error instanceof OperatorError || error instanceof Refusal) return error.message;
  const { code = '', syscall, path, message = '' } = (error ?? {}) as NodeJS.ErrnoException;
  const machine = code === 'ERR_DLOPEN_FAILED' ? sentenceOfLoader(message) : undefined;
  if (machine !== undefined) return machine;
  if (notWhole.test(code) || (code === 'ENOENT' && path?.startsWith(folder))) {
    return `The program is not whole (${message.split('\n', 1)}). Run: npm ci && npm run build`;
  }
  if (syscall === undefined) return undefined;
  return `${path ?? 'The system'} cannot be used: ${syscall} fails (${code}).`;
}

function sentenceOfLoader(message: string): string | undefined {
  if (oldLibrary.test(message)) {
    return 'This system is too old for the database’s driver, which needs glibc 2.34. Use Debian 12, Ubuntu 22.04 or newer.';
  }
  const [, name] = noLibrary.exec(message) ?? [];
  return name && `The system lacks the library ${name}. Install it, and start again.`;
}
