/** Where the database lies: found or made, held, and left as it was if nothing comes of it. */
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

/** SQLite takes paths of 512 bytes; some are longer than the database's by a suffix. */
const longestPath = 480;

export interface Location {
  /** The database's one true name. */
  readonly file: string;
  /** Whether it was made here: it is empty then. */
  readonly isNew: boolean;
  release(): void;
  /** Removes all that was made here, and releases the place. */
  undo(): void;
}

/** What was made here, by its path. */
export interface Made {
  /** The uppermost folder of those that were missing. */
  folder?: string | undefined;
  file?: string;
  lock?: string;
}

/**
 * Takes the database at `path` for this process: makes folder, file and lock where they are missing.
 *
 * @param mustExist refuses to make a database.
 * @throws OperatorError if the file is not ours, in use, or cannot be had; nothing was changed then.
 */
export function claimLocation(path: string, { mustExist = false } = {}): Location {
  const made: Made = {};
  try {
    checkPath(path);
    const isNew = !existsSync(path);
    if (isNew) checkAbsent(path, mustExist);
    else checkFile(path, mustExist);
    if (isNew) makeFile(path, made);
    const file = realpathSync(path);
    const { release } = takeLock(file, made);
    const undo = () => {
      unmake(made, file);
      release();
    };
    return { file, isNew, release, undo };
  } catch (error) {
    // Who holds the lock has taken over what was made here.
    if (!(error instanceof InUse)) unmake(made, path);
    throw toOperatorError(error, path);
  }
}

function checkPath(path: string): void {
  const bytes = Buffer.byteLength(resolve(path));
  if (bytes <= longestPath) return;
  throw new OperatorError(
    `The path of the database has ${bytes} bytes, and may have ${longestPath}. Name a shorter one in DATABASE_URL.`,
  );
}

/** Where a server has been, a missing file is not a new one: nobody shall find an empty server. */
function checkAbsent(path: string, mustExist: boolean): void {
  if (existsSync(lockFile(path))) {
    throw new OperatorError(
      `${path} is gone. Put it back, or restore a backup. To begin anew, delete ${lockFile(path)}.`,
    );
  }
  if (mustExist) throw isMissing(path);
}

const isMissing = (path: string) =>
  new OperatorError(
    `There is no database at ${path}. Mount its disk, or restore a backup; to make a new one, set DATABASE_MUST_EXIST=no once.`,
  );

function checkFile(path: string, mustExist: boolean): void {
  const stats = statSync(path);
  // To open a pipe would wait for whoever is at its other end.
  if (!stats.isFile()) {
    throw new OperatorError(`${path} is not a file. Name a file in DATABASE_URL.`);
  }
  checkHeader(path);
  // Before the lock: of the two files, the database is the one to name.
  accessSync(path, constants.R_OK | constants.W_OK);
  if (mustExist && stats.size === 0) throw isMissing(path);
}

function makeFile(path: string, made: Made): void {
  made.folder = makeFolder(dirname(resolve(path)));
  // Not `wx`: a symbolic link may lead to where there is none yet.
  closeSync(openSync(path, 'a', 0o600));
  made.file = realpathSync(path);
}

function takeLock(file: string, made: Made): { release(): void } {
  const path = lockFile(file);
  if (!existsSync(path)) {
    closeSync(openSync(path, 'a', 0o600));
    made.lock = path;
  }
  const lock = lockInstance(file);
  // Another start that failed may have just taken it away.
  if (existsSync(path)) return lock;
  lock.release();
  return takeLock(file, made);
}

/**
 * Makes a folder and those above it that are missing. Node's `recursive` never ends where the system
 * says ENOENT in a folder that is there, as /proc does.
 *
 * @returns the uppermost one that was made, if any.
 */
export function makeFolder(folder: string): string | undefined {
  if (existsSync(folder)) return undefined;
  const uppermost = makeFolder(dirname(folder));
  mkdirSync(folder, 0o700);
  return uppermost ?? folder;
}

/** Removes what was made, as far as it is there; the folders only if nothing else is in them. */
export function unmake({ folder: uppermost, file, lock }: Made, path: string): void {
  if (file !== undefined) attempt(() => remove(file));
  if (lock !== undefined) attempt(() => rmSync(lock, { force: true }));
  if (uppermost === undefined) return;
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    if (!attempt(() => rmdirSync(folder)) || folder === uppermost) return;
  }
}

/** Whether something could be done; why it was to be undone is what the person is told. */
function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
