/** A database of an older version: room is made sure of, and a copy is kept, before it is changed. */
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { OperatorError } from '../../errors.ts';
import { bundledMigrations } from './bundled-migrations.ts';
import { connect } from './connection.ts';
import { freeSpace, leastSpace } from './disk-space.ts';
import { giveToFolderOwner, sync } from './files.ts';
import { versionOf } from './header.ts';
import { isCurrent, migrate } from './migrate.ts';
import type { Migration } from './migrations.ts';

/** Says what goes on, with details. */
export type Report = (what: string, details: object) => void;

/** For the copy, the log of a migration that rewrites everything, and what the file then grows by. */
const sizesNeeded = 3;

/** Copies are kept for so long, in ms. */
const copiesLast = 30 * 24 * 3_600_000;

const suffix = '.before-schema-';

/** A larger file is upgraded beside the event loop, in bytes: smaller ones take no second. */
const quick = 8 * 1024 * 1024;

/** Whether an upgrade is due at `path` that takes a while. What is wrong there, its opening tells. */
export function isLongUpgradeDue(path: string): boolean {
  try {
    const stats = statSync(path);
    return stats.isFile() && stats.size > quick && isOutdated(path, bundledMigrations.length);
  } catch {
    return false;
  }
}

/** By the file alone: a log beside it may have brought it up to date already. */
function isOutdated(file: string, latest: number): boolean {
  const version = versionOf(file);
  return version > 0 && version < latest;
}

/**
 * Brings a database up to date that nobody has open. Before it is changed, a copy of it is made next
 * to it; if it cannot be changed, it is as it was, and the copy goes.
 *
 * Only for a process that has not opened the database already; see backup.ts. It blocks.
 *
 * @throws OperatorError if there is not enough room, or a migration fails.
 */
export function upgrade(
  file: string,
  report: Report,
  known: readonly Migration[] = bundledMigrations,
): void {
  const latest = known.length;
  if (!isOutdated(file, latest) || prepare(file, known) === 'current') return;
  const began = performance.now();
  const { size } = statSync(file);
  checkRoom(file, size);
  report('upgrading the database', { file, from: versionOf(file), to: latest, bytes: size });
  const copy = keepCopy(file, `${file}${suffix}${latest}`);
  report('a copy of the database was made', { copy });
  try {
    change(file, (sqlite) => migrate(sqlite, file, known));
  } catch (error) {
    rmSync(copy, { force: true });
    throw error;
  }
  report('the database was upgraded', { ms: Math.round(performance.now() - began) });
}

/** Moves the log into the file, which then is all of the database. Refuses one that is not ours. */
function prepare(file: string, known: readonly Migration[]): 'current' | 'outdated' {
  return change(file, (sqlite) => {
    if (isCurrent(sqlite, file, known)) return 'current';
    const [{ busy }] = sqlite.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
    if (busy === 0) return 'outdated';
    throw new OperatorError(`${file} is in use by another program. Stop it first.`);
  });
}

function change<Result>(file: string, work: (sqlite: Database) => Result): Result {
  const sqlite = connect(file);
  try {
    return work(sqlite);
  } finally {
    sqlite.close();
  }
}

function checkRoom(file: string, size: number): void {
  const needed = sizesNeeded * size + leastSpace;
  const free = freeSpace(dirname(file));
  if (free >= needed) return;
  const inMb = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MB`;
  throw new OperatorError(
    `There is not enough room to upgrade ${file}: that takes ${inMb(needed)}, and ${inMb(free)} are free. Make room and try again.`,
  );
}

/** Copies the file, where the file system can by letting both share their bytes. */
function keepCopy(file: string, copy: string): string {
  const unfinished = `${copy}.tmp`;
  try {
    rmSync(unfinished, { force: true });
    copyFileSync(file, unfinished, constants.COPYFILE_FICLONE);
    chmodSync(unfinished, 0o600);
    giveToFolderOwner(unfinished);
    sync(unfinished);
    renameSync(unfinished, copy);
    sync(dirname(copy));
    return copy;
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

/**
 * Removes the copies that upgrades have made long ago.
 *
 * @param now the time in ms since 1970.
 * @returns their names.
 */
export async function clearOldCopies(path: string, now: number): Promise<string[]> {
  if (!existsSync(path)) return [];
  const file = realpathSync(path);
  const removed: string[] = [];
  for (const name of await readdir(dirname(file))) {
    if (!name.startsWith(`${basename(file)}${suffix}`)) continue;
    const copy = join(dirname(file), name);
    if (now - (await stat(copy)).mtimeMs < copiesLast) continue;
    await rm(copy, { force: true });
    removed.push(name);
  }
  return removed;
}
