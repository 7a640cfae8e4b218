/** Automatic backups, each made by a process of its own, so that no request waits for one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../config.ts';
import { clearUnfinished, isWhole } from '../db/admin/backup.ts';

type Settings = Pick<Config, 'backupDir' | 'backupEvery' | 'backupKeep'>;

/** The command line that makes a backup with `backup FILE`: this program, as it was started. */
const thisProgram = [process.execPath, ...process.execArgv, String(process.argv[1])];

/**
 * How often to check at least, in ms, whatever the interval: a clock may be changed, a machine may
 * sleep, and a failed backup is tried again.
 */
const longestWait = 3_600_000;

const automaticName = /^snug-(\d{4}-\d\d-\d\d)T(\d\d)(\d\d)(\d\d)Z\.db$/;

/**
 * Makes a backup whenever the newest one is too old.
 *
 * @returns stops it; ends a backup that is under way, and resolves once nothing is left of it.
 */
export function startBackups(
  settings: Settings,
  log: FastifyBaseLogger,
  { clock = Date.now, program = thisProgram } = {},
): () => Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  const makeIfDue = async () => {
    const wait = await untilDue(settings, clock());
    if (wait > 0) return wait;
    const name = nameAt(clock());
    await runBackup(
      settings.backupDir,
      [...program, 'backup', join(settings.backupDir, name)],
      signal,
    );
    await clearOld(settings, name);
    log.info({ backup: name }, 'backed up');
    return settings.backupEvery;
  };
  const repeat = async () => {
    while (!signal.aborted) {
      const wait = await makeIfDue().catch(({ message }: Error) => {
        if (!signal.aborted) log.error({ reason: message }, 'the backup failed');
        return settings.backupEvery;
      });
      const delay = Math.min(wait, longestWait);
      await sleep(delay, undefined, { signal, ref: false }).catch(() => undefined);
    }
  };
  const stopped = settings.backupDir === '' ? Promise.resolve() : repeat();
  return () => {
    stop.abort();
    return stopped;
  };
}

/** The time until the next backup, in ms; a backup is due if it is not positive. */
async function untilDue({ backupDir, backupEvery }: Settings, now: number): Promise<number> {
  const names = await backupsUntil(nameAt(now), backupDir);
  return Math.max(...names.map(timeOf), Number.NEGATIVE_INFINITY) + backupEvery - now;
}

/**
 * The automatic backups in the folder, oldest first. Backups with a time in the future were made
 * while the clock was wrong: they neither make another backup superfluous nor count towards the
 * limit.
 */
async function backupsUntil(newest: string, folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    // The folder is not created here: if its disk is not mounted, backups would fill the disk below
    // it.
    throw error.code === 'ENOENT'
      ? new Error(`There is no folder ${folder}. Mount its disk, or create it.`)
      : error;
  });
  return names.filter((name) => automaticName.test(name) && name <= newest).sort();
}

const nameAt = (time: number) =>
  `snug-${new Date(time).toISOString().slice(0, 19).replaceAll(':', '')}Z.db`;

const timeOf = (name: string) => Date.parse(name.replace(automaticName, '$1T$2:$3:$4Z'));

/** Resolves when the program has made a backup; rejects with the program's error output. */
async function runBackup(
  folder: string,
  commandLine: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const [command = '', ...args] = commandLine;
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  const [complaint, [code, ended]] = await Promise.all([
    text(child.stderr),
    once(child, 'close'),
  ]).finally(() => signal.removeEventListener('abort', kill));
  if (code === 0) return;
  clearUnfinished(folder);
  throw new Error(complaint.trim() || `The process ended with ${code ?? ended}.`);
}

async function clearOld({ backupDir, backupKeep }: Settings, newest: string): Promise<void> {
  const names = await backupsUntil(newest, backupDir);
  for (const name of names.slice(0, -backupKeep)) await rm(join(backupDir, name));
}

export interface Newest {
  readonly name: string;
  /** In ms. */
  readonly age: number;
}

/** The newest complete backup in the folder; undefined if there is none. */
export async function findNewest(folder: string, now: number): Promise<Newest | undefined> {
  const names = await backupsUntil(nameAt(now), folder);
  const name = names.findLast((each) => isWhole(join(folder, each)));
  return name === undefined ? undefined : { name, age: now - timeOf(name) };
}

/** Whether backups have been failing for so long that somebody should know. */
export const isLate = (newest: Newest | undefined, { backupEvery }: Settings) =>
  newest === undefined || newest.age > 2 * backupEvery;

/**
 * How often to check for late backups, in ms; a backup that is due at start is made before that.
 */
const checkInterval = 600_000;

/** How often the log warns about late backups, in ms. */
const warningInterval = 24 * 3_600_000;

/**
 * Checks whether backups are late, until `stop` is called, and warns about it every day. It is
 * independent of the backups, because they may be what hangs.
 */
export function watchBackups(
  settings: Settings,
  log: FastifyBaseLogger,
  { clock = Date.now, interval = checkInterval } = {},
): { areLate(): boolean; stop(): void } {
  let areLate = false;
  let warnedAt = Number.NEGATIVE_INFINITY;
  const makeIfDue = async () => {
    const now = clock();
    const newest = await findNewest(settings.backupDir, now).catch(() => undefined);
    areLate = isLate(newest, settings);
    if (!areLate || Math.abs(now - warnedAt) < warningInterval) return;
    warnedAt = now;
    log.warn({ newest: newest?.name }, 'backups are late: the newest one is too old');
  };
  const timer = settings.backupDir === '' ? undefined : setInterval(makeIfDue, interval).unref();
  return { areLate: () => areLate, stop: () => clearInterval(timer) };
}
