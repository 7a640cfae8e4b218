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

/** What a server needs to go on for a while, in bytes. */
const enoughSpace = 200 * 1024 * 1024;

const repairOption = 'repair-search';

export const check: Subcommand = {
  usage: `check [--${repairOption}]`,
  summary: 'Tell whether all is well with the settings, the database and its files.',
  details: `A line for each thing that is looked at: ok, or what is wrong and what to do; it ends with 1 if anything is. --${repairOption} rebuilds the search index from the messages first; if it is interrupted, the server goes on with it. Both may run beside a server.`,
  async run(args) {
    const options = { [repairOption]: { type: 'boolean' } } as const;
    const { values } = readArguments(check.usage, args, options);
    if (values[repairOption]) await withDatabase(repairSearch);
    const problems = await checkAll();
    if (problems > 0) throw new OperatorError(`${problems} of these must be seen to.`);
  },
};

/** What the checks look at. */
interface Subject {
  readonly db: Store;
  readonly file: string;
  readonly config: Config;
  /** What SQLite finds wrong, looked for once. */
  readonly damage: Promise<readonly string[]>;
}

/** Each returns what is wrong and what to do, or undefined if all is well. */
const checks: Record<string, (subject: Subject) => Promise<string | undefined>> = {
  structure: async ({ damage }) => {
    const [first] = (await damage).filter((line) => !isOfSearch(line));
    return first && `It is damaged (${first}). Restore a backup.`;
  },
  schema: async ({ db }) => {
    const [name, ...others] = await db.read(findForeignSchema, {});
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    return name && `It is not the one that Snug makes (${name}${more}). Restore a backup.`;
  },
  references: async ({ db }) =>
    complain(await db.read(countOrphans, {}), 'rows refer to what is not there. Restore a backup.'),
  counters: async ({ db }) =>
    complain(
      await db.read(countMiscounted, {}),
      'chats or memberships count wrongly. Restore a backup.',
    ),
  search: async ({ db, damage }) => {
    const isDamaged =
      (await damage).some(isOfSearch) ||
      (await db.read(countUnsearchable, {})) > 0 ||
      (await db.read(countUnlearned, {})) > 0;
    return isDamaged
      ? `The index does not fit the messages. Run: snug check --${repairOption}`
      : undefined;
  },
  admin: async ({ db }) => {
    const { users, admins } = await db.read(countAll, {});
    const isWithout = users > 0 && admins === 0;
    return isWithout ? 'Nobody is an admin. Run: snug user make-admin USER' : undefined;
  },
  files: async ({ file }) => {
    const open = filesOf(file).filter(({ mode }) => (mode & 0o077) !== 0);
    // Windows knows no such modes.
    if (open.length === 0 || process.platform === 'win32') return undefined;
    return `Others may read them. Run: chmod 600 ${open.map(({ path }) => path).join(' ')}`;
  },
  backups: async ({ config }) => {
    if (config.backupDir === '') return undefined;
    const newest = await findNewest(config.backupDir, Date.now()).catch(() => undefined);
    if (!isLate(newest, config)) return undefined;
    const what =
      newest === undefined ? 'There is no whole one' : `The newest is ${inHours(newest.age)} old`;
    return `${what} in ${config.backupDir}. Look into the log for: the backup failed`;
  },
  disk: async ({ file }) => {
    const free = freeSpace(file);
    if (free >= enoughSpace) return undefined;
    return `Only ${Math.floor(free / 1024 ** 2)} MiB are free where the database is. Make room.`;
  },
};

async function checkSettings(): Promise<undefined> {
  loadConfig();
}

/** Prints a line for each check; returns how many have found something. */
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

/** Prints what a check has found; returns whether all is well. */
async function report(name: string, find: () => Promise<string | undefined>): Promise<boolean> {
  const problem = await find().catch((error: unknown) => {
    const told = toOperatorError(error, 'The database');
    if (told instanceof OperatorError) return told.message;
    throw error;
  });
  console.log(problem === undefined ? `ok     ${name}` : `WRONG  ${name}: ${problem}`);
  return problem === undefined;
}

const inHours = (ms: number) => `${Math.floor(ms / 3_600_000)} hours`;

function complain(count: number, of: string): string | undefined {
  return count === 0 ? undefined : `${count} ${of}`;
}

/** SQLite names the virtual table, or its module. */
const isOfSearch = (line: string) => /fts5|table "?search"?/.test(line);

async function repairSearch(db: Store): Promise<void> {
  await db.write(startRebuild, {});
  await finishRebuild(db);
  await extendAll(db);
}
