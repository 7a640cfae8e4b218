import { countAll } from '../accounts/queries.ts';
import { type Config, loadConfig } from '../config.ts';
import { countMiscounted, countOrphans, countUnsearchable, findDamage } from '../db/admin/check.ts';
import { findForeignSchema } from '../db/admin/compare-schema.ts';
import { freeSpace } from '../db/file/disk-space.ts';
import { toOperatorError } from '../db/file/operator-errors.ts';
import type { Store } from '../db/store.ts';
import { OperatorError } from '../errors.ts';
import { findNewest, isLate } from '../jobs/backups.ts';
import { finishRebuild } from '../jobs/search-index.ts';
import { extendAll } from '../jobs/search-vocabulary.ts';
import { startRebuild } from '../search-index/rebuild.ts';
import { countUnlearned } from '../search-index/vocabulary/check.ts';
import { readArguments, type Subcommand } from './command.ts';
import { withDatabase } from './database.ts';
import { filesOf } from './files.ts';

/** The free space that a server needs to keep running for a while, in bytes. */
const enoughSpace = 200 * 1024 * 1024;

const repairOption = 'repair-search';

export const check: Subcommand = {
  usage: `check [--${repairOption}]`,
  summary: 'Check the settings, the database and its files.',
  details: `Prints a line for each check: ok, or what is wrong and what to do. The exit code is 1 if anything is wrong. --${repairOption} first rebuilds the search index from the messages; if it is interrupted, the server continues it. Both work while a server is running.`,
  async run(args) {
    const options = { [repairOption]: { type: 'boolean' } } as const;
    const { values } = readArguments(check.usage, args, options);
    if (values[repairOption]) await withDatabase(repairSearch);
    const problems = await checkAll();
    if (problems > 0) throw new OperatorError(`Failed checks: ${problems}.`);
  },
};

/** What the checks examine. */
interface Subject {
  readonly db: Store;
  readonly file: string;
  readonly config: Config;
  /** The damage that SQLite finds, searched for once. */
  readonly damage: Promise<readonly string[]>;
}

/** Each check returns what is wrong and what to do, or undefined if it finds no problem. */
const checks: Record<string, (subject: Subject) => Promise<string | undefined>> = {
  structure: async ({ damage }) => {
    const [first] = (await damage).filter((line) => !isOfSearch(line));
    return first && `It is damaged (${first}). Restore a backup.`;
  },
  schema: async ({ db }) => {
    const [name, ...others] = await db.read(findForeignSchema, {});
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    return name && `It does not match this version (${name}${more}). Restore a backup.`;
  },
  references: async ({ db }) =>
    complain(await db.read(countOrphans, {}), 'rows refer to missing rows. Restore a backup.'),
  counters: async ({ db }) =>
    complain(
      await db.read(countMiscounted, {}),
      'chats or memberships have wrong counters. Restore a backup.',
    ),
  search: async ({ db, damage }) => {
    const isDamaged =
      (await damage).some(isOfSearch) ||
      (await db.read(countUnsearchable, {})) > 0 ||
      (await db.read(countUnlearned, {})) > 0;
    return isDamaged
      ? `The index does not match the messages. Run: snug check --${repairOption}`
      : undefined;
  },
  admin: async ({ db }) => {
    const { users, admins } = await db.read(countAll, {});
    const isWithout = users > 0 && admins === 0;
    return isWithout ? 'Nobody is an admin. Run: snug user make-admin USER' : undefined;
  },
  files: async ({ file }) => {
    const open = filesOf(file).filter(({ mode }) => (mode & 0o077) !== 0);
    // Windows has no such modes.
    if (open.length === 0 || process.platform === 'win32') return undefined;
    return `Other users can read them. Run: chmod 600 ${open.map(({ path }) => path).join(' ')}`;
  },
  backups: async ({ config }) => {
    if (config.backupDir === '') return undefined;
    const newest = await findNewest(config.backupDir, Date.now()).catch(() => undefined);
    if (!isLate(newest, config)) return undefined;
    const what =
      newest === undefined
        ? 'There is no complete one'
        : `The newest is ${inHours(newest.age)} old`;
    return `${what} in ${config.backupDir}. Look in the log for: the backup failed`;
  },
  disk: async ({ file }) => {
    const free = freeSpace(file);
    if (free >= enoughSpace) return undefined;
    return `Only ${Math.floor(free / 1024 ** 2)} MiB are free where the database is. Free some space.`;
  },
};

async function checkSettings(): Promise<undefined> {
  loadConfig();
}

/** Prints a line for each check; returns how many have found a problem. */
async function checkAll(): Promise<number> {
  if (!(await report('settings', checkSettings))) return 1;
  if (!(await report('database', () => withDatabase(async () => undefined)))) return 1;
  return withDatabase(async (db, config) => {
    const file = config.databaseFile;
    const subject = { db, file, config, damage: db.read(findDamage, {}) };
    let problems = 0;
    for (const [name, find] of Object.entries(checks)) {
      if (!(await report(name, () => find(subject)))) problems += 1;
    }
    return problems;
  });
}

/** Prints the result of a check; returns whether it has found no problem. */
async function report(name: string, find: () => Promise<string | undefined>): Promise<boolean> {
  const problem = await find().catch((error: unknown) => {
    const explained = toOperatorError(error, 'The database');
    if (explained instanceof OperatorError) return explained.message;
    throw error;
  });
  console.log(problem === undefined ? `ok     ${name}` : `WRONG  ${name}: ${problem}`);
  return problem === undefined;
}

const inHours = (ms: number) => `${Math.floor(ms / 3_600_000)} hours`;

function complain(count: number, of: string): string | undefined {
  return count === 0 ? undefined : `${count} ${of}`;
}

/** SQLite names the virtual table or its module. */
const isOfSearch = (line: string) => /fts5|table "?search"?/.test(line);

async function repairSearch(db: Store): Promise<void> {
  await db.write(startRebuild, {});
  await finishRebuild(db);
  await extendAll(db);
}
