import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import {
  type DrizzleSQLiteSnapshotJSON,
  generateSQLiteDrizzleJson,
  generateSQLiteMigration,
} from 'drizzle-kit/api';
import t from 'tap';
import config from '../../drizzle.config.ts';
import { migrate } from '../../src/db/file/migrate.ts';
import { migrationsFolder } from '../../src/db/file/migrations.ts';
import { type Orm, toOrm } from '../../src/db/query/orm.ts';
import type { Query } from '../../src/db/query/query.ts';
import * as tables from '../../src/db/query/tables.ts';

type Sqlite = Database.Database;

/** The schema as the migrations create it. */
function migrated(): Sqlite {
  const sqlite = new Database(':memory:');
  migrate(sqlite, 'in memory');
  return sqlite;
}

/** The schema as tables.ts declares it, from drizzle-kit. */
const wanted = await generateSQLiteDrizzleJson(tables);
const nothing: DrizzleSQLiteSnapshotJSON = { ...wanted, tables: {}, views: {}, enums: {} };

/** The part of drizzle-kit's own, loosely typed description that is compared as text. */
interface Wanted {
  readonly name: string;
  readonly checkConstraints: Record<string, { readonly value: string }>;
}

/** The schema in SQLite, in a fixed order: table → its columns, keys, indexes. */
function shape(sqlite: Sqlite): Record<string, unknown> {
  const list = (query: string, name: unknown) => sqlite.prepare(query).all(name);
  return Object.fromEntries(
    tableNames(sqlite).map((table) => [
      table,
      {
        columns: list(
          'select name, type, "notnull", dflt_value, pk, hidden from pragma_table_xinfo(?) order by name',
          table,
        ),
        keys: list(
          'select "from", "table", "to", on_update, on_delete from pragma_foreign_key_list(?) order by 1, 2',
          table,
        ),
        indexes: list(
          `select list.name, list."unique", list.origin, list.partial,
            group_concat(info.name || info."desc" || info.coll order by info.seqno) as columns
          from pragma_index_list(?) as list, pragma_index_xinfo(list.name) as info
          where info.key and list.origin <> 'pk' group by list.name order by list.name`,
          table,
        ),
      },
    ]),
  );
}

function tableNames(sqlite: Sqlite): string[] {
  return sqlite
    .prepare(
      `select name from pragma_table_list where schema = 'main' and type = 'table'
        and name not like 'sqlite_%' and name <> 'migrations' order by name`,
    )
    .pluck()
    .all() as string[];
}

t.test('the migrations create the schema of tables.ts', async (t) => {
  const sqlite = migrated();
  const described = new Database(':memory:');
  for (const statement of await generateSQLiteMigration(nothing, wanted)) described.exec(statement);
  t.strictSame(shape(sqlite), shape(described));
  t.ok(tableNames(sqlite).length > 0);

  const plain = (text: string) => text.replaceAll(/\s+/g, ' ');
  for (const { name, checkConstraints } of Object.values<Wanted>(wanted.tables)) {
    const made = sqlite.prepare('select sql from sqlite_schema where name = ?').pluck().get(name);
    const checks = Object.values(checkConstraints).map(({ value }) => plain(value));
    for (const check of checks) t.match(plain(String(made)), `CHECK(${check})`);
    t.equal(String(made).split('CHECK(').length - 1, checks.length, `${name} has no other check`);
  }
});

t.test('drizzle-kit finds nothing to add to the migrations', async (t) => {
  const last = globSync('*_snapshot.json', { cwd: new URL('meta/', migrationsFolder) })
    .sort()
    .at(-1);
  const text = readFileSync(new URL(`meta/${last}`, migrationsFolder), 'utf8');
  const snapshot: DrizzleSQLiteSnapshotJSON = JSON.parse(text);
  t.strictSame(await generateSQLiteMigration(snapshot, wanted), []);
});

t.test('every table is strict, and tables read in ranges are clustered', async (t) => {
  const sqlite = migrated();
  const list = sqlite
    .prepare("select name, strict, wr from pragma_table_list where schema = 'main'")
    .all() as { name: string; strict: number; wr: number }[];
  // SQLite's own tables, and those that FTS5 makes for its index.
  const own = list.filter(
    ({ name }) => !/^(sqlite_|search($|_(data|idx|docsize|config)$))/.test(name),
  );
  for (const { name, strict } of own) t.equal(strict, 1, `${name} is strict`);
  const withoutRowid = own.filter(({ wr }) => wr === 1).map(({ name }) => name);
  t.strictSame(withoutRowid.sort(), [
    'idempotency_keys',
    'known_networks',
    'memberships',
    'mentions',
    'messages',
    'migrations',
    'name_skeletons',
    'pending_deletions',
    'reaction_counts',
    'reactions',
    'removals',
    'search_blocks',
    'search_vocabulary',
    'server_state',
    'stale_words',
  ]);
});

/** The costly steps that a query may have, and why. */
const exceptions: Record<string, RegExp> = {
  // Stops at the first row.
  'users/findAnyUser': /^SCAN users/,
  // Start at one end of the primary key or an index, and stop at their limit.
  'event-log/findNewestEvent': /^SCAN events$/,
  'event-log/findOldestEvent': /^SCAN events$/,
  'event-log/listOldest': /^SCAN events$/,
  'deletions/findPending': /^SCAN pending_deletions$/,
  // Once for a rebuild; stops at its limit.
  'search-index/vocabulary/forgetSomeKnown': /^SCAN search_blocks$/,
  // For the operator's check.
  'search-index/vocabulary/listLearned': /^SCAN search_blocks$/,
  'search-index/vocabulary/countMissing': /^SCAN wanted VIRTUAL TABLE INDEX/,
  // One row.
  'search-index/countChanges': /^SCAN \(subquery-\d+\)$/,
  // Count what they have found, up to their limit.
  'deletions/findSomeMembers': /^SCAN found$/,
  'messages/countMessages': /^SCAN found$/,
  // Scan the ids that they are given.
  'chats/listChats': /^SCAN json_each VIRTUAL TABLE INDEX/,
  'users/listNames': /^SCAN json_each VIRTUAL TABLE INDEX/,
  'members/listMembersByName': /^SCAN json_each VIRTUAL TABLE INDEX/,
  'members/listMembershipsOf': /^SCAN json_each VIRTUAL TABLE INDEX/,
  'users/findLookAlike': /^SCAN json_each VIRTUAL TABLE INDEX/,
  'search-index/listHits': /^SCAN json_each VIRTUAL TABLE INDEX/,
  // The ten users that are shown.
  'messages/listReactions': /^SCAN \(subquery-\d+\)$/,
  'messages/listPageReactions': /^SCAN \(subquery-\d+\)$/,
  // Counts everything; only for the operator's commands.
  'accounts/countAll': /^SCAN /,
  // SQLite's term for a query of FTS5, which looks up the words.
  'search-index/listMatches': /^SCAN search VIRTUAL TABLE INDEX/,
  'search-index/deleteWords': /^SCAN search VIRTUAL TABLE INDEX/,
  'search-index/deleteWordsBetween': /^SCAN search VIRTUAL TABLE INDEX/,
};

/** Every query that src/ exports, by its folder and name. */
async function allQueries(): Promise<[name: string, on: (orm: Orm) => Prepared][]> {
  const src = new URL('../../src/', import.meta.url);
  const found: [string, (orm: Orm) => Prepared][] = [];
  for (const path of globSync('**/*queries.ts', { cwd: src })) {
    const exported: Record<string, unknown> = await import(new URL(path, src).href);
    for (const [name, value] of Object.entries(exported)) {
      if (typeof value === 'function' && 'on' in value) {
        found.push([join(path, '..', name), value.on as (orm: Orm) => Prepared]);
      }
    }
  }
  return found;
}

type Prepared = ReturnType<Query<unknown, unknown>['on']>;

/** The steps of SQLite's query plan: https://sqlite.org/eqp.html. */
function explain(sqlite: Sqlite, sql: string, params: readonly unknown[]): string[] {
  const plan = sqlite.prepare(`explain query plan ${sql}`).all(params.map(() => null));
  return (plan as { detail: string }[]).map(({ detail }) => detail);
}

const isCostly = (step: string) => /^SCAN (?!CONSTANT ROW)|TEMP B-TREE/.test(step);

t.test('no query scans a table or sorts', async (t) => {
  const sqlite = migrated();
  const orm = toOrm(sqlite);
  const excused = new Set<string>();
  const queries = await allQueries();
  for (const [name, on] of queries) {
    const { sql, params } = on(orm);
    const costly = explain(sqlite, sql, params).filter(isCostly);
    const exception = exceptions[name];
    if (exception !== undefined && costly.some((step) => exception.test(step))) excused.add(name);
    const bad = costly.filter((step) => exception === undefined || !exception.test(step));
    t.strictSame(bad, [], `${name}: ${sql}`);
  }
  t.strictSame([...excused].sort(), Object.keys(exceptions).sort(), 'each exception is needed');
  t.ok(queries.length > 20, 'the queries were found');
});

t.test('no query is prepared again for each value of a parameter', async (t) => {
  const orm = toOrm(migrated());
  for (const [name, on] of await allQueries()) {
    const { sql, params } = on(orm);
    t.equal(sql.match(/\+\?/g)?.length ?? 0, params.length, `${name}: ${sql}`);
  }
});

t.test('the plans of a scan and of a sort are recognised', async (t) => {
  const sqlite = migrated();
  t.ok(explain(sqlite, 'select * from users where email = ?', [0]).some(isCostly));
  t.ok(explain(sqlite, 'select * from users where id > ? order by name', [0]).some(isCostly));
  t.notOk(explain(sqlite, 'select * from users where id = ?', [0]).some(isCostly));
});

t.test('deleting a row finds the rows deleted with it by an index', async (t) => {
  const sqlite = migrated();
  for (const table of tableNames(sqlite)) {
    const columns = sqlite.pragma(`foreign_key_list(${table})`) as { id: number; from: string }[];
    const keys = Map.groupBy(columns, ({ id }) => id);
    for (const key of keys.values()) {
      const wanted = key.map(({ from }) => `${from} = 0`).join(' and ');
      const plan = explain(sqlite, `select 1 from ${table} where ${wanted}`, []);
      t.notOk(plan.some(isCostly), `${table}: ${wanted}`);
    }
  }
});

t.test('`npm run migration` finds the tables and the migrations', async (t) => {
  t.ok(existsSync(String(config.schema)));
  t.ok(existsSync(String(config.out)));
});
