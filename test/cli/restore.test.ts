/** A restore replaces the database with the whole backup, or leaves everything unchanged. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { restore } from '../../src/db/admin/restore.ts';
import { migrationsFolder, readMigrations } from '../../src/db/file/migrations.ts';
import { ask, contents, edit, mode, namedFile, refuses, run } from '../helpers/backups.ts';
import { outside } from '../helpers/database.ts';
import { seedOf } from '../helpers/random.ts';
import { startServer } from '../helpers/server.ts';
import { without } from '../helpers/tools.ts';
import { tempFolder } from '../helpers/world.ts';

/** A database named 'old' whose last change is only in its WAL, as a crash leaves it. */
async function crashedFile(t: Test): Promise<string> {
  const made = await namedFile(t, 'old');
  const open = outside(t, made);
  open.exec("insert into chats (id, title, created_at) values (2, 'and its log', 0)");
  const file = join(await tempFolder(t), 'snug.db');
  for (const suffix of ['', '-wal']) copyFileSync(made + suffix, file + suffix);
  return file;
}

/** Which database this is, as the next server reads it; asserts that it is sound. */
function nameOf(t: Test, file: string): string {
  const sqlite = new Database(file, { fileMustExist: true });
  try {
    t.equal(sqlite.pragma('integrity_check', { simple: true }), 'ok');
    return sqlite.prepare('select title from chats order by id').pluck().all().join(' ');
  } finally {
    sqlite.close();
  }
}

/** The databases kept next to this one. */
function keptDatabases(file: string): string[] {
  return readdirSync(dirname(file))
    .filter((name) => name.startsWith(`${basename(file)}.replaced-`))
    .map((name) => join(dirname(file), name));
}

t.test('the old database is kept next to the new one, and can be restored', async (t) => {
  const file = await crashedFile(t);
  const backup = await namedFile(t, 'backup');
  chmodSync(backup, 0o644);
  edit(file, "update sqlite_sequence set seq = 5000 where name = 'events'");
  const before = contents(dirname(backup));
  const wrapper = ['sh', '-c', 'umask 000; exec "$@"', 'sh'];
  const { code, output } = await run(t, file, ['restore', backup], wrapper);
  t.equal(code, 0, output);
  const [previous = ''] = keptDatabases(file);
  const said = `${file} was restored from ${backup}. All users are signed out.`;
  t.equal(output, `${said}\nThe previous database is now ${previous}\n`);
  t.match(previous, /\.replaced-2\d{3}-\d\d-\d\dT\d{6}\.\d{3}Z$/);
  t.strictSame(readdirSync(dirname(file)).sort(), ['snug.db', 'snug.db.lock', basename(previous)]);
  for (const name of ['snug.db', 'snug.db.lock']) t.equal(mode(join(dirname(file), name)), '600');
  t.strictSame(contents(dirname(backup)), before, 'the backup is unchanged');
  t.equal(nameOf(t, file), 'backup');
  t.equal(nameOf(t, previous), 'old and its log');
  t.strictSame(ask(file, 'select count(*) from sessions'), [0]);
  t.strictSame(ask(previous, 'select count(*) from sessions'), [1]);
  const ids = ask(file, 'select seq from sqlite_sequence order by name');
  t.strictSame(
    ids,
    [1_005_001, 1_000_001, 1_000_001],
    'the ids of events, sessions and users continue above the old ones',
  );
  t.strictSame(ask(file, 'select id from events'), [1_005_001], 'no past event is sent');

  t.match(await run(t, file, ['restore', previous]), { code: 0 });
  t.equal(nameOf(t, file), 'old and its log');
  t.strictSame(ask(file, "select seq from sqlite_sequence where name = 'events'"), [2_005_002]);
  t.equal(keptDatabases(file).length, 2);
});

const noBackup = 'Name a backup.';

/** Files that are no backup for this program: how each is made, and the error for it. */
const bad: Record<string, [make: (file: string) => unknown, sentence: string]> = {
  'a text': [(file) => writeFile(file, 'Dear diary'), `is not a database. ${noBackup}`],
  'an empty file': [(file) => writeFile(file, ''), `is not a database. ${noBackup}`],
  "another program's": [
    (file) => edit(file, 'create table diary (text)'),
    `is the database of another program. ${noBackup}`,
  ],
  newer: [
    async (file) => edit(await copyOf(file), 'pragma user_version = 99'),
    'was written by a newer version of Snug. Install that version, or a later one.',
  ],
  'of another schema': [
    async (file) => edit(await copyOf(file), "update migrations set hash = 'x'"),
    'does not match this version of Snug. Restore a backup.',
  ],
  'overwritten in the middle': [
    async (file) => {
      const bytes = readFileSync(await copyOf(file));
      await writeFile(file, bytes.fill(0xff, 5 * 4096 + 8, 6 * 4096));
    },
    'is damaged. Restore an earlier backup.',
  ],
  'cut off': [
    async (file) => {
      const bytes = readFileSync(await copyOf(file));
      await writeFile(file, bytes.subarray(0, bytes.length / 2));
    },
    'is damaged. Restore an earlier backup.',
  ],
  'without what its rows refer to': [
    async (file) => {
      const cut = 'pragma foreign_keys = off; delete from users';
      edit(await copyOf(file), cut);
    },
    'is damaged. Restore an earlier backup.',
  ],
};

let sample = '';

/** Makes a sound backup next to a database, to be damaged. */
async function copyOf(file: string): Promise<string> {
  await cp(sample, file);
  return file;
}

t.test('an unsound backup is refused, and nothing is touched', async (t) => {
  sample = await namedFile(t, 'sample');
  const file = await crashedFile(t);
  await writeFile(`${file}.lock`, '');
  const before = contents(dirname(file));
  for (const [name, [make, sentence]] of Object.entries(bad)) {
    const backup = join(await tempFolder(t), 'backup.db');
    await make(backup);
    const whole = name === 'of another schema' ? `The schema of ${backup}` : backup;
    const error = { name: 'OperatorError', message: `${whole} ${sentence}` };
    await t.rejects(restore(backup, file), error, name);
    t.strictSame(contents(dirname(file)), before, name);
    t.strictSame(readdirSync(dirname(backup)), ['backup.db'], name);
  }
  const say = (args: string[], sentence: string) =>
    refuses(t, file, ['restore', ...args], sentence);
  await say([], 'Usage: snug restore FILE');
  await say(['nowhere.db'], 'There is no file nowhere.db. Name a backup.');
  await say([dirname(file)], `There is no file ${dirname(file)}. Name a backup.`);
  await say([file], `${file} is the database itself. Name a backup.`);
  t.strictSame(contents(dirname(file)), before);
});

t.test('a database in use, or of another program, is not replaced', async (t) => {
  const backup = await namedFile(t, 'backup');
  const file = await namedFile(t, 'old');
  const server = await startServer(t, file);
  const inUse = (name: string) =>
    `Another Snug server is using ${name}. Stop it first, or name another file in DATABASE_URL.`;
  await refuses(t, file, ['restore', backup], inUse(file));
  await refuses(t, backup, ['restore', file], inUse(file));
  t.equal(await server.end('SIGTERM'), 0);
  t.equal(nameOf(t, file), 'old');

  const other = outside(t, file);
  other.prepare('select * from chats').all();
  await refuses(t, file, ['restore', backup], `Another program is using ${file}. Stop it first.`);
  other.close();
  t.equal(nameOf(t, file), 'old');
  t.strictSame(keptDatabases(file), []);

  const foreign = join(await tempFolder(t), 'diary.db');
  edit(foreign, 'create table diary (text)');
  await refuses(
    t,
    foreign,
    ['restore', backup],
    `${foreign} is the database of another program. Name another file in DATABASE_URL.`,
  );
});

t.test('an older backup is upgraded, in a copy', async (t) => {
  const folder = pathToFileURL(join(await tempFolder(t), 'drizzle/'));
  await cp(migrationsFolder, folder, { recursive: true });
  await writeFile(new URL('9999_later.sql', folder), "update chats set title = title || ' later'");
  const backup = await namedFile(t, 'old');
  const before = contents(dirname(backup));
  const file = join(await tempFolder(t), 'snug.db');
  t.equal(await restore(backup, file, readMigrations(folder)), undefined, 'nothing was replaced');
  t.equal(nameOf(t, file), 'old later');
  t.strictSame(contents(dirname(backup)), before);

  await writeFile(new URL('9999_later.sql', folder), 'delete from users; insert into nowhere');
  const previous = contents(dirname(file));
  await t.rejects(restore(backup, file, readMigrations(folder)));
  t.strictSame(contents(dirname(file)), previous, 'a failed upgrade leaves everything unchanged');
});

t.test('a damaged database is replaced, and kept unchanged with its WAL', async (t) => {
  const backup = await namedFile(t, 'backup');
  const damage: Record<string, (file: string) => Promise<unknown>> = {
    'no longer a database': (file) => writeFile(file, 'x'.repeat(8192)),
    empty: (file) => writeFile(file, ''),
    'without a schema': async (file) => {
      const bytes = readFileSync(file);
      await writeFile(file, bytes.fill(0xff, 100, 4096));
      await writeFile(`${file}-wal`, 'no log');
    },
  };
  for (const [name, spoil] of Object.entries(damage)) {
    const file = await crashedFile(t);
    await spoil(file);
    const before = Object.values(contents(dirname(file)));
    await restore(backup, file);
    t.equal(nameOf(t, file), 'backup', name);
    const previous = contents(dirname(file));
    const names = Object.keys(previous).filter((entry) => entry.includes('replaced'));
    t.strictSame(
      names.map((entry) => previous[entry]),
      name === 'without a schema' ? before.slice(0, names.length) : before,
      name,
    );
  }
});

t.test('a refused restore creates nothing', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'new', 'snug.db');
  const backup = join(folder, 'backup.db');
  const bytes = readFileSync(await namedFile(t, 'backup'));
  await writeFile(backup, bytes.fill(0xff, 100, 4_096));
  await refuses(t, file, ['restore', backup], `${backup} is damaged. Restore an earlier backup.`);
  t.strictSame(readdirSync(folder), ['backup.db']);
});

t.test('a WAL without its database is not used for the new one', async (t) => {
  const file = await crashedFile(t);
  const moved = join(await tempFolder(t), 'snug.db');
  copyFileSync(`${file}-wal`, `${moved}-wal`);
  await restore(await namedFile(t, 'backup'), moved);
  t.equal(nameOf(t, moved), 'backup');
  t.match(keptDatabases(moved), [/-wal$/]);
});

const isRoot = process.getuid?.() === 0;

t.test('the server may open what root restored', { skip: !isRoot && 'needs root' }, async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  chownSync(dirname(file), 4711, 4711);
  t.match(await run(t, file, ['restore', await namedFile(t, 'backup')]), { code: 0 });
  for (const path of [file, `${file}.lock`]) t.equal(statSync(path).uid, 4711, path);
});

const calls = 'pwrite64,fsync,ftruncate,link,unlink,rename';

/** Has strace kill the program at the last of these calls; it counts each kind separately. */
function killAt(done: readonly string[]): string[] {
  const kindOf = (call = '') => /(\w+)\(/.exec(call)?.[1];
  const kind = kindOf(done.at(-1));
  const count = done.filter((call) => kindOf(call) === kind).length;
  return ['-e', `inject=${kind}:signal=SIGKILL:when=${count}`];
}

/** Runs a command under strace; returns the calls by which it changed files, in order. */
async function trace(t: Test, file: string, args: string[], inject: string[] = []) {
  const log = join(await tempFolder(t), 'trace');
  const options = ['-f', '-qq', '-o', log, '-e', `trace=${calls}`, ...inject];
  const ended = await run(t, file, args, ['strace', ...options]);
  return { ...ended, done: readFileSync(log, 'utf8').match(/^\d+ +\w+\(.*$/gm) ?? [] };
}

t.test(
  'kill -9 at any moment leaves the old or the new database, whole',
  { skip: without('strace') },
  async (t) => {
    const template = await crashedFile(t);
    const backup = await namedFile(t, 'backup');
    const copy = async () => {
      const folder = await tempFolder(t);
      execFileSync('cp', ['-r', `${dirname(template)}/.`, folder]);
      return join(folder, 'snug.db');
    };
    const { done } = await trace(t, await copy(), ['restore', backup]);
    const renamed = done.findIndex((call) => call.includes('rename('));
    t.ok(renamed > 20, `${done.length} calls`);
    const seed = seedOf(t);
    const all = done.map((_, i) => i + 1);
    const some = [renamed, renamed + 2, ...[0, 1].map((i) => 1 + ((seed >>> (i * 12)) % renamed))];
    for (const moment of process.env.RESTORE_MOMENTS === 'all' ? all : some) {
      const file = await copy();
      const { code } = await trace(t, file, ['restore', backup], killAt(done.slice(0, moment)));
      const name = `killed at ${done[moment - 1]?.slice(0, 80)}`;
      t.not(code, 0, name);
      const left = nameOf(t, file);
      t.ok(['old and its log', 'backup'].includes(left), `${name}: ${left}`);
      if (moment <= renamed) t.equal(left, 'old and its log', name);
      if (moment > renamed + 1) t.equal(left, 'backup', name);

      await restore(backup, file);
      t.equal(nameOf(t, file), 'backup');
      const previous = keptDatabases(file);
      t.ok(previous.map((path) => nameOf(t, path)).includes('old and its log'), name);
      const names = ['snug.db', 'snug.db.lock', ...previous.map((path) => basename(path))];
      t.strictSame(readdirSync(dirname(file)).sort(), names.sort(), 'nothing else is left');
      t.equal(statSync(file).nlink, 1, 'no other name is linked to it');
    }
  },
);

t.test(
  'a restore that runs out of space changes nothing',
  { skip: without('strace') },
  async (t) => {
    const file = await namedFile(t, 'old');
    const backup = await namedFile(t, 'backup');
    const sentence = `There is not enough disk space for ${file}. Free some space and try again.`;
    rmSync(`${file}.lock`);
    const before = contents(dirname(file));
    for (const error of ['write:error=ENOSPC', 'pwrite64:error=ENOSPC:when=2+']) {
      const options = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${error.split(':')[0]}`];
      const only = ['-P', `${file}.restoring`, '-P', `${file}.restoring-journal`];
      const wrapper = ['strace', ...options, ...only, '-e', `inject=${error}`];
      await refuses(t, file, ['restore', backup], sentence, wrapper);
      t.equal(nameOf(t, file), 'old');
      t.strictSame(Object.keys(contents(dirname(file))), Object.keys(before));
    }
  },
);

/** A database with free pages and a session, whose last change is only in its WAL. */
async function looseFile(t: Test): Promise<string> {
  const file = await namedFile(t, 'old');
  edit(
    file,
    `insert into messages (chat_id, id, sender_id, content, created_at)
       with recursive ids (id) as (select 10 union all select id + 1 from ids where id < 210)
       select 1, id, 1, hex(randomblob(1500)), 0 from ids;
     delete from messages where id > 20;`,
  );
  const open = outside(t, file);
  open.exec("insert into chats (id, title, created_at) values (2, 'and its log', 0)");
  const loose = join(await tempFolder(t), 'snug.db');
  for (const suffix of ['', '-wal']) copyFileSync(file + suffix, loose + suffix);
  return loose;
}

/** Everything that a compaction must preserve, as text. */
function everything(file: string): string {
  const sqlite = new Database(file, { fileMustExist: true });
  const all = (query: string) => sqlite.prepare(query).raw().all();
  const names = all("select name from sqlite_schema where type = 'table' order by name").flat();
  const tables = names
    .filter((name) => !/^search/.test(String(name)))
    .map((name) => [name, all(`select * from "${name}"`)]);
  const text = JSON.stringify([tables, all('pragma user_version'), all('pragma application_id')]);
  sqlite.close();
  return text;
}

t.test('a compaction frees disk space and preserves all data', async (t) => {
  const file = await looseFile(t);
  const before = everything(file);
  const size = statSync(file).size;
  chmodSync(file, 0o640);
  const { free } = JSON.parse((await run(t, file, ['stats', '--json'])).output);
  t.ok(free > 500_000, `${free} bytes are free`);
  const { code, output } = await run(t, file, ['compact']);
  t.equal(code, 0);
  t.ok(statSync(file).size < size - 500_000);
  t.equal(output, `${file} has ${statSync(file).size} bytes now; it had ${size} before.\n`);
  t.equal(mode(file), '640');
  t.equal(everything(file), before);
  t.match(await run(t, file, ['check']), { output: /^ok {5}structure$/m });
  const server = await startServer(t, file);
  t.equal((await fetch(`${server.url}/healthz`)).status, 200);
  const busy = `Another Snug server is using ${file}. Stop it first, or name another file in DATABASE_URL.`;
  await refuses(t, file, ['compact'], busy);
  t.equal(await server.end('SIGTERM'), 0);
  const other = outside(t, file);
  other.prepare('select count(*) from chats').get();
  await refuses(t, file, ['compact'], `Another program is using ${file}. Stop it first.`);
  other.close();
  t.strictSame(readdirSync(dirname(file)).sort(), ['snug.db', 'snug.db.lock']);
});

t.test(
  'a compaction that is killed or runs out of space leaves the old or the new file, whole',
  { skip: without('strace') },
  async (t) => {
    const template = await looseFile(t);
    const before = everything(template);
    const copy = async () => {
      const folder = await tempFolder(t);
      execFileSync('cp', ['-r', `${dirname(template)}/.`, folder]);
      return join(folder, 'snug.db');
    };
    const { done } = await trace(t, await copy(), ['compact']);
    const renamed = done.findIndex((call) => call.includes('rename('));
    t.ok(renamed > 20, `${done.length} calls`);
    const seed = seedOf(t);
    const moments = [renamed, renamed + 1, 1 + (seed % renamed), 1 + ((seed >>> 12) % renamed)];
    for (const moment of moments) {
      const file = await copy();
      const { code } = await trace(t, file, ['compact'], killAt(done.slice(0, moment)));
      const name = `killed at ${done[moment - 1]?.slice(0, 80)}`;
      t.not(code, 0, name);
      t.equal(everything(file), before, name);
      t.match(await run(t, file, ['compact']), { code: 0 });
      t.equal(everything(file), before, name);
      t.strictSame(readdirSync(dirname(file)).sort(), ['snug.db', 'snug.db.lock'], name);
    }
    const file = await copy();
    const full = ['-P', `${file}.compacting`, '-e', 'inject=pwrite64:error=ENOSPC:when=9+'];
    const { code, errors } = await trace(t, file, ['compact'], full);
    t.strictSame(
      [code, errors],
      [1, `snug: There is not enough disk space for ${file}. Free some space and try again.\n`],
    );
    t.equal(everything(file), before);
    t.strictSame(
      readdirSync(dirname(file)).filter((name) => name.includes('compacting')),
      [],
    );
  },
);
