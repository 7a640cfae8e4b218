/** The place of the database: found or created, claimed, and left as it was if opening fails. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { OperatorError } from '../../errors.ts';
import { remove } from './files.ts';
import { checkHeader } from './header.ts';
import { InUse, lockFile, lockInstance } from './lock.ts';
import { toOperatorError } from './operator-errors.ts';

/** SQLite accepts paths of 512 bytes; some are longer than the database's by a suffix. */
const longestPath = 480;

export interface Location {
  /** The database's real path. */
  readonly file: string;
  /** Whether the file was created here and is still empty. */
  readonly isNew: boolean;
  release(): void;
  /** Removes all that was created here, and releases the database. */
  undo(): void;
}

/** Files and folders created here, by path. */
export interface Created {
  /** The topmost folder that was missing. */
  folder?: string | undefined;
  file?: string;
  lock?: string;
}

/**
 * Claims the database at `path` for this process: creates folder, file and lock if they are
 * missing.
 *
 * @param mustExist refuses to create a database.
 * @throws OperatorError if the file is not ours, in use, or not accessible; nothing has changed
 *   then.
 */
export function claimLocation(path: string, { mustExist = false } = {}): Location {
  const created: Created = {};
  try {
    checkPath(path);
    const isNew = !existsSync(path);
    if (isNew) checkAbsent(path, mustExist);
    else checkFile(path, mustExist);
    if (isNew) createFile(path, created);
    const file = realpathSync(path);
    const { release } = takeLock(file, created);
    const undo = () => {
      removeCreated(created, file);
      release();
    };
    return { file, isNew, release, undo };
  } catch (error) {
    // The process that holds the lock now owns what was created here.
    if (!(error instanceof InUse)) removeCreated(created, path);
    throw toOperatorError(error, path);
  }
}

function checkPath(path: string): void {
  const bytes = Buffer.byteLength(resolve(path));
  if (bytes <= longestPath) return;
  throw new OperatorError(
    `The path of the database has ${bytes} bytes; at most ${longestPath} are possible. Name a shorter one in DATABASE_URL.`,
  );
}

/** Where a server has run, a missing file is no new one: nobody should find an empty server. */
function checkAbsent(path: string, mustExist: boolean): void {
  if (existsSync(lockFile(path))) {
    throw new OperatorError(
      `${path} is gone. Put it back, or restore a backup. To start over, delete ${lockFile(path)}.`,
    );
  }
  if (mustExist) throw isMissing(path);
}

const isMissing = (path: string) =>
  new OperatorError(
    `There is no database at ${path}. Mount its disk, or restore a backup; to create a new one, set DATABASE_MUST_EXIST=no once.`,
  );

function checkFile(path: string, mustExist: boolean): void {
  const stats = statSync(path);
  // Opening a pipe would wait for the process at its other end.
  if (!stats.isFile()) {
    throw new OperatorError(`${path} is not a file. Name a file in DATABASE_URL.`);
  }
  checkHeader(path);
  // Before the lock: of the two files, the error should name the database.
  accessSync(path, constants.R_OK | constants.W_OK);
  if (mustExist && stats.size === 0) throw isMissing(path);
}

function createFile(path: string, created: Created): void {
  created.folder = makeFolder(dirname(resolve(path)));
  // Not `wx`: a symbolic link may lead to a file that does not exist yet.
  closeSync(openSync(path, 'a', 0o600));
  created.file = realpathSync(path);
}

function takeLock(file: string, created: Created): { release(): void } {
  const path = lockFile(file);
  if (!existsSync(path)) {
    closeSync(openSync(path, 'a', 0o600));
    created.lock = path;
  }
  const lock = lockInstance(file);
  // Another start that failed may have just removed it.
  if (existsSync(path)) return lock;
  lock.release();
  return takeLock(file, created);
}

/**
 * Creates a folder and its missing parents. Node's `recursive` never ends where the system reports
 * ENOENT in a folder that exists, such as /proc.
 *
 * @returns the topmost folder that was created, if any.
 */
export function makeFolder(folder: string): string | undefined {
  if (existsSync(folder)) return undefined;
  const uppermost = makeFolder(dirname(folder));
  mkdirSync(folder, 0o700);
  return uppermost ?? folder;
}

/** Removes what was created, as far as it exists; folders only if they are empty. */
export function removeCreated({ folder: uppermost, file, lock }: Created, path: string): void {
  if (file !== undefined) attempt(() => remove(file));
  if (lock !== undefined) attempt(() => rmSync(lock, { force: true }));
  if (uppermost === undefined) return;
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    if (!attempt(() => rmdirSync(folder)) || folder === uppermost) return;
  }
}

/** Whether it succeeded; the operator only sees the error that led to the undo. */
function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
