/** Backups by themselves, each made by a process of its own: no request waits for one. */
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

/** What makes a backup when it is run with `backup FILE`: this program, as it was started. */
const ownProgram = [process.execPath, ...process.execArgv, String(process.argv[1])];

/**
 * Looked at as often at least, in ms, whatever the interval: a clock may be set and a machine may
 * sleep, and what has failed is tried again.
 */
const longestWait = 3_600_000;

const ownName = /^snug-(\d{4}-\d\d-\d\d)T(\d\d)(\d\d)(\d\d)Z\.db$/;

/**
 * Makes a backup whenever the newest one is too old, until the function that it returns is called;
 * that one ends the backup that is being made, and resolves once nothing is left of it.
 */
export function keepBackups(
  settings: Settings,
  log: FastifyBaseLogger,
  { clock = Date.now, program = ownProgram } = {},
): () => Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  const look = async () => {
    const wait = await untilDue(settings, clock());
    if (wait > 0) return wait;
    const name = nameAt(clock());
    await make(settings.backupDir, [...program, 'backup', join(settings.backupDir, name)], signal);
    await clearOld(settings, name);
    log.info({ backup: name }, 'backed up');
    return settings.backupEvery;
  };
  const repeat = async () => {
    while (!signal.aborted) {
      const wait = await look().catch(({ message }: Error) => {
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

/** How long until the next backup, in ms; it is due if that is not positive. */
async function untilDue({ backupDir, backupEvery }: Settings, now: number): Promise<number> {
  const names = await backupsUntil(nameAt(now), backupDir);
  return Math.max(...names.map(timeOf), Number.NEGATIVE_INFINITY) + backupEvery - now;
}

/**
 * Our own files in the folder, oldest first. Those of a time to come were made while the clock was
 * wrong: they make no other one superfluous and take no other one's place.
 */
async function backupsUntil(newest: string, folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    // Not made here: where its disk is not mounted, it would fill the one below.
    throw error.code === 'ENOENT'
      ? new Error(`There is no folder ${folder}. Mount its disk, or make it.`)
      : error;
  });
  return names.filter((name) => ownName.test(name) && name <= newest).sort();
}

const nameAt = (time: number) =>
  `snug-${new Date(time).toISOString().slice(0, 19).replaceAll(':', '')}Z.db`;

const timeOf = (name: string) => Date.parse(name.replace(ownName, '$1T$2:$3:$4Z'));

/** Resolves when the program has made a backup; rejects with what it has complained of. */
async function make(folder: string, line: readonly string[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const [command = '', ...args] = line;
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  const [complaint, [code, ended]] = await Promise.all([
    text(child.stderr),
    once(child, 'close'),
  ]).finally(() => signal.removeEventListener('abort', kill));
  if (code === 0) return;
  clearUnfinished(folder);
  throw new Error(complaint.trim() || `It ended with ${code ?? ended}.`);
}

async function clearOld({ backupDir, backupKeep }: Settings, newest: string): Promise<void> {
  const names = await backupsUntil(newest, backupDir);
  for (const name of names.slice(0, -backupKeep)) await rm(join(backupDir, name));
}

export interface Newest {
  readonly name: string;
  /** How old it is, in ms. */
  readonly age: number;
}

/** The newest backup in the folder that is whole; undefined if there is none. */
export async function findNewest(folder: string, now: number): Promise<Newest | undefined> {
  const names = await backupsUntil(nameAt(now), folder);
  const name = names.findLast((each) => isWhole(join(folder, each)));
  return name === undefined ? undefined : { name, age: now - timeOf(name) };
}

/** Whether backups have failed for so long that somebody should know. */
export const isLate = (newest: Newest | undefined, { backupEvery }: Settings) =>
  newest === undefined || newest.age > 2 * backupEvery;

/** How often it is looked for late backups, in ms; one that is due at the start is made before. */
const looking = 600_000;

/** How often the log warns of late backups, in ms. */
const warning = 24 * 3_600_000;

/**
 * Looks whether backups are late, until `stop` is called, and warns of it every day. By itself, as
 * what makes backups may be what hangs.
 */
export function watchBackups(
  settings: Settings,
  log: FastifyBaseLogger,
  { clock = Date.now, interval = looking } = {},
): { areLate(): boolean; stop(): void } {
  let areLate = false;
  let warnedAt = Number.NEGATIVE_INFINITY;
  const look = async () => {
    const now = clock();
    const newest = await findNewest(settings.backupDir, now).catch(() => undefined);
    areLate = isLate(newest, settings);
    if (!areLate || Math.abs(now - warnedAt) < warning) return;
    warnedAt = now;
    log.warn({ newest: newest?.name }, 'backups are late: the newest one is too old');
  };
  const timer = settings.backupDir === '' ? undefined : setInterval(look, interval).unref();
  return { areLate: () => areLate, stop: () => clearInterval(timer) };
}
