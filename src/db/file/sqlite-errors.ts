import { statSync } from 'node:fs';
import type { RefusalCode } from '../../errors.ts';

/** What the driver's errors say of the file and its disk: https://sqlite.org/rescode.html */
const meanings: readonly (readonly [codes: RegExp, RefusalCode])[] = [
  // Another program holds the file, longer than we wait for it; or the system lacks something for
  // a moment that the writer's thread needs to start.
  [/^SQLITE_BUSY|^SNUG_WRITER_NOT_STARTED$/, 'busy'],
  // SHMSIZE: there was no room for the index of the log, which is made anew at each start.
  [/^(SQLITE_(FULL|IOERR_SHMSIZE)|SNUG_NO_ROOM)$/, 'disk_full'],
  [/^SQLITE_READONLY/, 'read_only'],
  // A page that cannot be read: starting again would not mend it, and the others can be.
  [/^SQLITE_(CORRUPT|NOTADB|IOERR_(READ|SHORT_READ|CORRUPTFS)$)/, 'damaged'],
  [/^SQLITE_IOERR|^SNUG_(DISPLACED|WRITER_GONE)$/, 'storage_failed'],
];

const fileReplaced = 'SNUG_DISPLACED';

/** Why a statement failed, if that is the fault of the file, its disk or another program. */
export function classify(error: unknown): RefusalCode | undefined {
  const { code = '' } = (error ?? {}) as { code?: string };
  return meanings.find(([codes]) => codes.test(code))?.[1];
}

/** A file lies no longer where it was opened: what is written now, no later start would find. */
export class FileReplacedError extends Error {
  override readonly name = 'FileReplacedError';
  readonly code = fileReplaced;

  constructor(file: string) {
    super(`${file} was moved, deleted or replaced`);
  }
}

/** Whether that is what went wrong; in another thread the class is not known. */
export function isFileReplaced(error: unknown): boolean {
  return (error as { code?: unknown }).code === fileReplaced;
}

const notStarted = 'SNUG_WRITER_NOT_STARTED';

/** The thread that writes could not start: nothing is lost, and another one may try. */
export class WriterNotStarted extends Error {
  override readonly name = 'WriterNotStarted';
  readonly code = notStarted;

  constructor(cause?: Error) {
    super(`the writer could not start${cause === undefined ? '' : `: ${cause.message}`}`, {
      cause,
    });
  }
}

/** The thread that writes has ended: whether its last batch is on the disk, nobody knows. */
export class WriterGone extends Error {
  override readonly name = 'WriterGone';
  readonly code = 'SNUG_WRITER_GONE';

  constructor(cause?: Error) {
    super(`the writer has ended${cause === undefined ? '' : `: ${cause.message}`}`, { cause });
  }
}

/** Files, and which ones they are. */
export type FileIdentities = readonly (readonly [file: string, identity: string])[];

/** Remembers which files these are. */
export function identitiesOf(files: readonly string[]): FileIdentities {
  return files.map((file) => [file, identityOf(file)]);
}

/** Returns a function that throws FileReplacedError once one of the files is another one, or none. */
export function unmovedCheck(places: FileIdentities): () => void {
  return () => {
    for (const [file, id] of places) if (identityOf(file) !== id) throw new FileReplacedError(file);
  };
}

function identityOf(file: string): string {
  const { dev = 0, ino = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return `${dev}:${ino}`;
}
