import { statSync } from 'node:fs';
import type { RefusalCode } from '../../errors.ts';
import { meaningOf } from './error-codes.ts';

const fileReplaced = 'SNUG_DISPLACED';

/** Why a statement failed, if the cause is the file, its disk or another program. */
export function classify(error: unknown): RefusalCode | undefined {
  return meaningOf(error, 'refusal');
}

/**
 * A file is no longer where it was opened: what is written to it now, no later start would find.
 */
export class FileReplacedError extends Error {
  override readonly name = 'FileReplacedError';
  readonly code = fileReplaced;

  constructor(file: string) {
    super(`${file} was moved, deleted or replaced`);
  }
}

/** Whether an error is a FileReplacedError; its class is lost on the way between threads. */
export function isFileReplaced(error: unknown): boolean {
  return (error as { code?: unknown }).code === fileReplaced;
}

const notStarted = 'SNUG_WRITER_NOT_STARTED';

/** The writer thread could not start: nothing is lost, and another attempt may succeed. */
export class WriterNotStarted extends Error {
  override readonly name = 'WriterNotStarted';
  readonly code = notStarted;

  constructor(cause?: Error) {
    super(`the writer could not start${cause === undefined ? '' : `: ${cause.message}`}`, {
      cause,
    });
  }
}

/** The writer thread has ended; nobody knows whether its last batch is on disk. */
export class WriterGone extends Error {
  override readonly name = 'WriterGone';
  readonly code = 'SNUG_WRITER_GONE';

  constructor(cause?: Error) {
    super(`the writer has ended${cause === undefined ? '' : `: ${cause.message}`}`, { cause });
  }
}

/** Files with their identities (device and inode). */
export type FileIdentities = readonly (readonly [file: string, identity: string])[];

/** Records which files these are. */
export function identitiesOf(files: readonly string[]): FileIdentities {
  return files.map((file) => [file, identityOf(file)]);
}

/** Returns a function that throws FileReplacedError if a file has been replaced or deleted. */
export function unmovedCheck(identities: FileIdentities): () => void {
  return () => {
    for (const [file, id] of identities)
      if (identityOf(file) !== id) throw new FileReplacedError(file);
  };
}

function identityOf(file: string): string {
  const { dev = 0, ino = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return `${dev}:${ino}`;
}
