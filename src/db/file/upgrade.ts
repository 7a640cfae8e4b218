/** Upgrades a database of an older version, after checking for room and making a copy. */
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

/** Reports progress, with details. */
export type Report = (what: string, details: object) => void;

/** For the copy, the WAL of a migration that rewrites everything, and the growth of the file. */
const sizesNeeded = 3;

/** How long copies are stored, in ms. */
const copiesLast = 30 * 24 * 3_600_000;

const suffix = '.before-schema-';

/** A larger file is upgraded in a thread of its own, in bytes: smaller ones take under a second. */
const quick = 8 * 1024 * 1024;

/** Whether a long upgrade is due at `path`. Other problems there are reported when it is opened. */
export function isLongUpgradeDue(path: string): boolean {
  try {
    const stats = statSync(path);
    return stats.isFile() && stats.size > quick && isOutdated(path, bundledMigrations.length);
  } catch {
    return false;
  }
}

/** Judged by the file only: a WAL next to it may already contain the upgrade. */
function isOutdated(file: string, latest: number): boolean {
  const version = versionOf(file);
  return version > 0 && version < latest;
}

/**
 * Upgrades a database that nobody has open. Before any change, a copy is made next to it; if the
 * upgrade fails, the database is as before, and the copy is removed.
 *
 * Only for a process that has not opened the database already; see backup.ts. It blocks.
 *
 * @throws OperatorError if there is not enough room, or a migration fails.
 */
export function upgrade(
  file: string,
  report: Report,
  migrations: readonly Migration[] = bundledMigrations,
): void {
  const latest = migrations.length;
  if (!isOutdated(file, latest) || prepare(file, migrations) === 'current') return;
  const startedAt = performance.now();
  const { size } = statSync(file);
  checkRoom(file, size);
  report('upgrading the database', { file, from: versionOf(file), to: latest, bytes: size });
  const copy = makeCopy(file, `${file}${suffix}${latest}`);
  report('a copy of the database was made', { copy });
  try {
    withConnection(file, (sqlite) => migrate(sqlite, file, migrations));
  } catch (error) {
    rmSync(copy, { force: true });
    throw error;
  }
  report('the database was upgraded', { ms: Math.round(performance.now() - startedAt) });
}

/**
 * Moves the WAL into the file, which then is the whole database. Refuses a file that is not ours.
 */
function prepare(file: string, migrations: readonly Migration[]): 'current' | 'outdated' {
  return withConnection(file, (sqlite) => {
    if (isCurrent(sqlite, file, migrations)) return 'current';
    const [{ busy }] = sqlite.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
    if (busy === 0) return 'outdated';
    throw new OperatorError(`${file} is in use by another program. Stop it first.`);
  });
}

function withConnection<Result>(file: string, work: (sqlite: Database) => Result): Result {
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
    `There is not enough disk space to upgrade ${file}: it takes ${inMb(needed)}, and ${inMb(free)} are free. Free some space and try again.`,
  );
}

/** Copies the file; where the file system can, both share their blocks. */
function makeCopy(file: string, copy: string): string {
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
 * Removes old copies that upgrades have made.
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
