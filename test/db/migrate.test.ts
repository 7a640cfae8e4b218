import { cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { migrate } from '../../src/db/file/migrate.ts';
import { migrationsFolder, readMigrations } from '../../src/db/file/migrations.ts';
import { blockSize } from '../../src/search-index/blocks.ts';
import { outside } from '../helpers/database.ts';
import { tempFolder } from '../helpers/world.ts';

/** An empty file and a copy of the program's migrations, to which a test adds its own. */
async function start(t: Test) {
  const root = await tempFolder(t);
  const folder = pathToFileURL(join(root, 'drizzle/'));
  await cp(migrationsFolder, folder, { recursive: true });
  const file = join(root, 'snug.db');
  const sqlite = outside(t, file);
  sqlite.pragma('foreign_keys = ON');
  const run = () => migrate(sqlite, file, readMigrations(folder));
  const add = (name: string, text: string) => writeFile(new URL(name, folder), text);
  const own = (await readdir(migrationsFolder)).filter((name) => name.endsWith('.sql')).sort();
  return { sqlite, file, folder, run, add, own };
}

/** Everything that a failed migration must leave unchanged. */
function state(sqlite: Database.Database) {
  return {
    version: sqlite.pragma('user_version', { simple: true }),
    schema: sqlite.prepare('select name, sql from sqlite_schema order by name').all(),
    users: sqlite.prepare('select * from users').all(),
    migrations: sqlite.prepare('select name, hash from migrations').all(),
  };
}

/** alice's chat with one message, in an up-to-date schema. */
function populate(sqlite: Database.Database): void {
  sqlite.exec(`
    insert into users (id, name, name_key, email, email_key, password_hash, role, created_at)
      values (1, 'alice', 'alice', 'a@example.org', 'a@example.org', '', 'admin', 0);
    insert into chats (id, title, created_at) values (2, 'Sunday hike', 0);
    insert into memberships (user_id, chat_id, role, joined_at, joined_event)
      values (1, 2, 'owner', 0, 3);
    insert into messages (chat_id, id, sender_id, content, created_at) values (2, 4, 1, 'Hi', 0);`);
}

t.test('a new file gets every migration once', async (t) => {
  const { sqlite, run, own } = await start(t);
  run();
  t.equal(sqlite.pragma('user_version', { simple: true }), own.length);
  t.strictSame(sqlite.prepare('select name from migrations').pluck().all(), own);
  t.equal(sqlite.pragma('foreign_keys', { simple: true }), 1);
  const changes = () => sqlite.prepare('select total_changes()').pluck().get();
  const before = { ...state(sqlite), changes: changes() };
  run();
  t.strictSame({ ...state(sqlite), changes: changes() }, before, 'the second run does nothing');
});

t.test('a migration that fails midway leaves the old schema, and can be fixed', async (t) => {
  const { sqlite, file, run, add } = await start(t);
  run();
  populate(sqlite);
  const before = state(sqlite);
  await add('9998_good.sql', "create table good (id integer); update users set name = 'eve';");
  await add('9999_bad.sql', 'create table half (id integer); insert into nowhere values (1);');
  t.throws(run, {
    name: 'OperatorError',
    message: /^The upgrade of .* failed \(no such table: nowhere\)\. The file is unchanged: /,
  });
  t.notOk(sqlite.inTransaction);
  t.strictSame(state(sqlite), before);
  t.strictSame(state(outside(t, file)), before);
  await add('9999_bad.sql', 'create table half (id integer);');
  run();
  t.equal(sqlite.prepare('select name from users').pluck().get(), 'eve');
  t.equal(sqlite.pragma('user_version', { simple: true }), Number(before.version) + 2);
});

/** A rebuild of `chats` as drizzle-kit writes it. */
function rebuild(sqlite: Database.Database): string {
  const made = sqlite.prepare("select sql from sqlite_schema where name = 'chats'").pluck().get();
  return `
PRAGMA foreign_keys=OFF;--> statement-breakpoint
${String(made).replace('`chats`', '`__new_chats`').replaceAll('"chats".', '')};--> statement-breakpoint
INSERT INTO __new_chats SELECT * FROM chats;--> statement-breakpoint
DROP TABLE chats;--> statement-breakpoint
ALTER TABLE __new_chats RENAME TO chats;--> statement-breakpoint
PRAGMA foreign_keys=ON;`;
}

t.test('rebuilding a table keeps the rows that refer to it', async (t) => {
  const { sqlite, run, add } = await start(t);
  run();
  populate(sqlite);
  await add('9999_rebuild.sql', rebuild(sqlite));
  run();
  t.strictSame(sqlite.prepare('select title from chats').pluck().all(), ['Sunday hike']);
  t.equal(sqlite.prepare('select count(*) from memberships').pluck().get(), 1);
  t.equal(sqlite.prepare('select count(*) from messages').pluck().get(), 1);
  sqlite.exec('delete from chats');
  t.equal(
    sqlite.prepare('select count(*) from messages').pluck().get(),
    0,
    'they still refer to it',
  );
});

t.test('a migration that would leave orphans is rolled back', async (t) => {
  const { sqlite, run, add } = await start(t);
  run();
  populate(sqlite);
  const before = state(sqlite);
  await add('9999_orphans.sql', 'delete from chats;');
  t.throws(run, { message: /\(migration breaks 2 foreign keys\)/ });
  t.strictSame(state(sqlite), before);
  t.equal(sqlite.prepare('select count(*) from chats').pluck().get(), 1);
});

t.test('a file with other migrations than the program’s is refused and not touched', async (t) => {
  const cases: Record<string, (world: Awaited<ReturnType<typeof start>>) => unknown> = {
    'one was changed after it ran': ({ add, own }) => add(own[0] ?? '', 'select 1;'),
    'one was inserted before the last one that ran': ({ add }) =>
      add('0000_early.sql', 'select 1;'),
    'one is not recorded': ({ sqlite }) => sqlite.exec('delete from migrations'),
  };
  for (const [name, change] of Object.entries(cases)) {
    const world = await start(t);
    world.run();
    await change(world);
    const before = state(world.sqlite);
    t.throws(world.run, { name: 'OperatorError', message: /does not match this version/ }, name);
    t.strictSame(state(world.sqlite), before);
  }
  const { sqlite, run, own } = await start(t);
  run();
  sqlite.pragma(`user_version = ${own.length + 1}`);
  t.throws(run, { name: 'OperatorError', message: /by a newer version of Snug/ });
});

t.test(
  'a database that ever had a user counts as set up, and its sessions as verified when created',
  async (t) => {
    const session = `insert into sessions (user_id, token_hash, device, created_at, last_seen_at)
    values (1, x'00', 'curl', 1000, 5000)`;
    const cases: [before: string, isSetUp: boolean, proofs: number[]][] = [
      ['select 1', false, []],
      [session, true, [1000]],
      ['delete from users', true, []],
    ];
    for (const [before, isSetUp, proofs] of cases) {
      const { sqlite, file, folder } = await start(t);
      const all = readMigrations(folder);
      const older = all.filter(({ name }) => name < '0005');
      migrate(sqlite, file, older);
      if (isSetUp) populate(sqlite);
      sqlite.exec(before);
      migrate(sqlite, file, all);
      const state = sqlite
        .prepare("select value from server_state where key = 'setup'")
        .pluck()
        .all();
      t.strictSame(state, isSetUp ? ['done'] : [], before);
      t.strictSame(sqlite.prepare('select verified_at from sessions').pluck().all(), proofs);
    }
  },
);

t.test('existing chats are cut into blocks, which wait to be indexed', async (t) => {
  const { sqlite, file, folder } = await start(t);
  const all = readMigrations(folder);
  const index = all.findIndex(({ name }) => name.endsWith('search_by_chat.sql'));
  migrate(sqlite, file, all.slice(0, index));
  populate(sqlite);
  sqlite.exec(`
    insert into chats (id, title, created_at) values (3, 'Long', 0), (5, 'Empty', 0);
    insert into messages (chat_id, id, sender_id, content, created_at)
      with recursive n(n) as (select 1 union all select n + 1 from n where n < 40000)
      select 3, 10 * n, 1, 'Hi', 0 from n;
    insert into search (rowid, words, scope) values (4, '0000000hi', '0000000c2')`);
  migrate(sqlite, file, all);
  const rows = (query: string) => sqlite.prepare(query).raw().all();
  t.strictSame(rows('select chat_id, first_id from search_blocks'), [
    [2, 4],
    [3, 10],
    [3, 10 * (1 + blockSize)],
    [3, 10 * (1 + 2 * blockSize)],
  ]);
  t.strictSame(
    rows("select key from server_state where key like 'search%' order by key"),
    [['search_indexed'], ['search_outdated'], ['search_rebuild']],
    'the old index no longer counts',
  );
});
