/**
 * The codes of errors around the database's file, and what each means: the system's, SQLite's
 * (https://sqlite.org/rescode.html) and our own. Refusals, the operator's sentences and the question
 * whether a disk is full all follow from this table.
 */
import type { RefusalCode } from '../../errors.ts';

interface Meaning {
  readonly codes: RegExp;
  /** How a request that needs the file is refused; absent if the error is no fault of the file. */
  readonly refusal?: RefusalCode;
  /** What the operator reads at a start or after a command, behind the name of the file. */
  readonly sentence?: string;
  /** Whether the disk or a quota is used up, for sure or perhaps: then a write must be tried. */
  readonly isFull?: 'yes' | 'perhaps';
}

const damaged = 'is damaged. Restore a backup.';
const inUse = 'is in use by another program. Stop it first.';
const notWritable = 'cannot be written. Check its folder and who owns it.';

/** From the special to the general: the first row that has the column counts. */
const meanings: readonly Meaning[] = [
  // SHMSIZE: there was no room for the index of the WAL, which is created at each start.
  { codes: /^(SQLITE_(FULL|IOERR_SHMSIZE)|SNUG_NO_ROOM)$/, refusal: 'disk_full', isFull: 'yes' },
  { codes: /^ENOSPC$/, isFull: 'yes' },
  // SQLite reports these when a quota is used up: of the errors of a write, it recognises only
  // ENOSPC. An fsync is not among them: after one that fails, nobody knows what is on disk, whatever
  // the reason.
  { codes: /^SQLITE_(IOERR_(WRITE|SHMOPEN|TRUNCATE)|CANTOPEN)$/, isFull: 'perhaps' },
  // Another program holds the file for longer than we wait.
  { codes: /^SQLITE_BUSY/, refusal: 'busy', sentence: inUse },
  { codes: /^(SQLITE_LOCKED|EBUSY$)/, sentence: inUse },
  // The system briefly lacks something that the writer thread needs to start.
  { codes: /^SNUG_WRITER_NOT_STARTED$/, refusal: 'busy' },
  { codes: /^SQLITE_READONLY/, refusal: 'read_only', sentence: notWritable },
  { codes: /^SQLITE_(CORRUPT|NOTADB)/, refusal: 'damaged', sentence: damaged },
  // A page that cannot be read: restarting would not help, and other pages can be read.
  { codes: /^SQLITE_IOERR_(READ|SHORT_READ|CORRUPTFS)$/, refusal: 'damaged' },
  { codes: /^SQLITE_IOERR|^SNUG_(DISPLACED|WRITER_GONE)$/, refusal: 'storage_failed' },
  {
    codes: /^SQLITE_(CANTOPEN|PERM)|^E(ACCES|PERM|ROFS|NOENT|NOTDIR|ISDIR|EXIST)$/,
    sentence: notWritable,
  },
  {
    codes: /^ENAMETOOLONG$/,
    sentence: 'has a name that is too long. Name another file in DATABASE_URL.',
  },
  {
    codes: /^ELOOP$/,
    sentence: 'is a symbolic link that leads nowhere. Name another file in DATABASE_URL.',
  },
  {
    codes: /^(EMFILE|ENFILE)$/,
    sentence: 'cannot be opened: too many files are open. Raise the limit (ulimit -n).',
  },
];

/** What an error's code says in one column of the table. */
export function meaningOf<Column extends 'refusal' | 'sentence' | 'isFull'>(
  error: unknown,
  column: Column,
): Meaning[Column] | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code !== 'string') return undefined;
  return meanings.find((meaning) => meaning[column] !== undefined && meaning.codes.test(code))?.[
    column
  ];
}
