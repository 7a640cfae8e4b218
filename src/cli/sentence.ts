/** The sentence that the command line prints when a command fails. */
import { OperatorError, Refusal } from '../errors.ts';

/** Codes for a missing or unsuitable part of the program or its packages. */
const incomplete = /^(ERR_)?MODULE_NOT_FOUND$|^ERR_(DLOPEN_FAILED|PACKAGE_)/;

/** The message of Linux's loader about a library that is too old for the database driver. */
const oldLibrary = /\b(GLIBC|GLIBCXX|CXXABI)_[\d.]+' not found/;

/** Its message about a library that is missing. */
const noLibrary = /^(\S+): cannot open shared object file/;

/**
 * The reason for a failure, and what to do about it.
 *
 * @param folder the program's folder.
 * @returns undefined for a defect, which is printed in full.
 */
export function sentenceOf(error: unknown, folder: string): string | undefined {
  if (error instanceof OperatorError || error instanceof Refusal) return error.message;
  const { code = '', syscall, path, message = '' } = (error ?? {}) as NodeJS.ErrnoException;
  const sentence = code === 'ERR_DLOPEN_FAILED' ? sentenceOfLoader(message) : undefined;
  if (sentence !== undefined) return sentence;
  if (incomplete.test(code) || (code === 'ENOENT' && path?.startsWith(folder))) {
    return `The program is incomplete (${message.split('\n', 1)}). Run: npm ci && npm run build`;
  }
  if (syscall === undefined) return undefined;
  return `${path ?? 'The system'} cannot be used: ${syscall} fails (${code}).`;
}

function sentenceOfLoader(message: string): string | undefined {
  if (oldLibrary.test(message)) {
    return 'This system is too old for the database’s driver, which needs glibc 2.34. Use Debian 12, Ubuntu 22.04 or newer.';
  }
  const [, name] = noLibrary.exec(message) ?? [];
  return name && `The system lacks the library ${name}. Install it, and try again.`;
}
