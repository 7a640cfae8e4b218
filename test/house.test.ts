/** The import rules of src/, checked on its import statements; see CONTRIBUTING. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { mutations } from '../src/mutations.ts';

type Sources = Record<string, string>;

/**
 * The rooms of src/, from the ground up: its folders, and its files. A file imports from its own
 * room and from those below; rooms of one floor may import each other in one direction.
 */
const floors: readonly (readonly string[])[] = [
  ['errors'],
  ['config', 'db'],
  ['http'],
  ['event-log', 'search-index', 'users'],
  ['deletions', 'server'],
  ['members', 'sessions'],
  ['chats', 'invites', 'mentions', 'messages', 'search'],
  ['accounts'],
  ['events'],
  ['jobs', 'mutations'],
  ['cli', 'client', 'health', 'writer'],
  ['app'],
  ['serve'],
  ['main'],
  // The client imports types, and the pure rules that both sides follow.
  ['web'],
];

/** Pure rules that the server and the client both follow; they import nothing of ours. */
const shared = ['mentions/candidates.ts', 'users/canonical.ts', 'messages/emoji.ts'];

/** The kind of a file by its place: a noun's folder has routes, rules, queries and a schema. */
function kindOf(file: string): string {
  const { dir, name } = posix.parse(file);
  if (shared.includes(file)) return 'shared';
  if (file.startsWith('web/')) return 'web';
  if (file.startsWith('db/')) return name === 'tables' || name === 'search-table' ? 'tables' : 'db';
  if (dir === '' || ['cli', 'jobs'].includes(dir)) return dir || name;
  return /(?:^|-)(routes|queries|schema)$/.exec(name)?.[1] ?? (dir === 'http' ? 'http' : 'rules');
}

/** The kinds that each kind of file in a noun may import; the rest may import any but routes. */
const kinds: Record<string, readonly string[]> = {
  schema: ['schema', 'errors'],
  queries: ['tables', 'db'],
  shared: [],
  tables: ['shared'],
  errors: [],
  web: ['web', 'schema', 'shared', 'errors'],
};

/** Only these import routes. */
const registering = ['app', 'main'];

/** The parts of db/ that others may import, and which rooms may. */
const open: Record<string, readonly string[] | 'all'> = {
  'db/query/query.ts': 'all',
  'db/query/paging.ts': 'all',
  'db/query/seen.ts': 'all',
  'db/query/server-state.ts': 'all',
  'db/query/tables.ts': 'all',
  'db/query/search-table.ts': ['search-index'],
  'db/cache/cached-query.ts': 'all',
  'db/unit-of-work.ts': 'all',
  'db/steps.ts': 'all',
  'db/store.ts': 'all',
  'db/open.ts': ['serve', 'cli'],
  'db/upgrade-thread.ts': ['serve'],
  'db/writer/store-mutations.ts': ['mutations'],
  'db/writer/worker.ts': ['writer'],
  'db/file/disk-space.ts': ['cli'],
  'db/file/operator-errors.ts': ['serve', 'cli'],
  'db/file/files.ts': ['cli'],
  'db/file/upgrade.ts': ['serve', 'jobs'],
  'db/admin/backup.ts': ['cli', 'jobs'],
  'db/admin/restore.ts': ['cli'],
  'db/admin/check.ts': ['cli'],
  'db/admin/compact.ts': ['cli'],
  'db/admin/compare-schema.ts': ['cli'],
  'db/admin/open-for-cli.ts': ['cli'],
  'db/admin/replace-search.ts': ['search-index'],
};

/** Packages that only some kinds of file may import. */
const packages: Record<string, readonly string[]> = {
  'better-sqlite3': ['db'],
  'drizzle-orm/better-sqlite3': ['db'],
  'drizzle-orm': ['db', 'tables', 'queries'],
  'drizzle-orm/better-sqlite3/session': ['db'],
  'drizzle-orm/sqlite-core/dialect': ['db'],
  'drizzle-orm/sqlite-core': ['tables'],
  typebox: ['schema', 'web', 'cli'],
  'typebox/schema': ['cli'],
};

const sources = readSources(fileURLToPath(new URL('../src/', import.meta.url)));

t.test('every import goes to its own room or to one below', async (t) => {
  t.strictSame(arrowsUp(sources), []);
});

t.test('no two rooms import each other', async (t) => {
  const arrows = new Set(arrowsOf(sources));
  const mutual = [...arrows].filter((arrow) =>
    arrows.has(arrow.split(' → ').reverse().join(' → ')),
  );
  t.strictSame(mutual, []);
});

t.test('schemas, queries and routes import only what their kind may', async (t) => {
  t.strictSame(wrongImports(sources), []);
});

t.test('only db/ knows the driver, and only queries know drizzle', async (t) => {
  t.strictSame(wrongPackages(sources), []);
});

t.test('the client imports only types from the server', async (t) => {
  const outward =
    /^import (?!type )[^;]*from '(?:(?:\.\.\/)+(?:\w+\/schema|errors|db|http)|typebox)/m;
  const client = pick(sources, (file) => kindOf(file) === 'web');
  t.strictSame(filesWith(client, outward), []);
  t.match("import { ChatList } from '../../chats/schema.ts';", outward);
});

t.test('only config.ts reads the environment', async (t) => {
  t.strictSame(filesWith(sources, /\bprocess\s*\.\s*env\b|\benv\b[^;]*node:process/), [
    'config.ts',
  ]);
});

/** Ways to run a text as a program or a page. */
const execution =
  /\beval\(|new Function\b|[iI]nnerHTML|insertAdjacentHTML|document\.write\(|node:vm\b/;

/** Ways to give a text to a shell, in a file that starts programs. */
const shell = /(?<!import \{ spawn \} from 'node:)child_process|\bshell\b/;

t.test('no text is ever run as code, as HTML or as a command', async (t) => {
  t.strictSame(filesWith(sources, execution), []);
  t.match('<p dangerouslySetInnerHTML={{ __html: text }} />', execution);
  const starters = pick(sources, (_, source) => source.includes('child_process'));
  t.strictSame(Object.keys(starters), ['jobs/backups.ts'], 'it starts this program again');
  t.strictSame(filesWith(starters, shell), [], 'with a list of arguments');
  t.match("import { exec } from 'node:child_process';", shell);
  t.match('spawn(command, { shell: true })', shell);
});

t.test('the server makes no outgoing connections', async (t) => {
  const caller = /import [^;]*\b(connect|request|get)\b[^;]*'node:(net|http)'/;
  const outward = /\bfetch\(|\bnew WebSocket|'(node:(https|http2|dgram|tls|dns)|undici)'/;
  const server = pick(sources, (file) => kindOf(file) !== 'web');
  t.strictSame([...filesWith(server, outward), ...filesWith(server, caller)], []);
  t.match("await fetch('https://example.org')", outward);
  t.match("import { connect } from 'node:net';", caller);
});

/** The packages imported at run time, by name; types are erased. */
function packagesUsed(files: Sources): string[] {
  const imports = /^(?:import|export) (?!type )(?:[^;']* from )?'([^']+)'/gm;
  const later = /\bimport(?:\.meta\.resolve)?\('([^']+)'\)/g;
  const names = Object.values(files).flatMap((source) =>
    [imports, later].flatMap((form) =>
      Array.from(withoutComments(source).matchAll(form), ([, name]) => String(name)),
    ),
  );
  const others = names.filter((name) => !/^(node:|[.#])/.test(name));
  return [...new Set(others.map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? ''))].sort();
}

t.test('every runtime dependency is used at run time, and no other package is', async (t) => {
  const { dependencies } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  const server = pick(sources, (file) => kindOf(file) !== 'web');
  t.strictSame(packagesUsed(server), Object.keys(dependencies).sort());
  const example = { 'x.ts': "import type { A } from 'a';\nimport { b } from '@b/b/c';" };
  t.strictSame(packagesUsed(example), ['@b/b']);
});

/** A drizzle statement that runs itself, prepared or not. */
const selfRun = /\)\s*\.(run|get|all|values|sync)\(\s*\)|\borm\b[^;]*?\.(run|get|all)\(/;

t.test('outside db/ statements run only by calling their query', async (t) => {
  t.strictSame(
    filesWith(
      pick(sources, (file) => kindOf(file) !== 'db'),
      selfRun,
    ),
    [],
  );
  t.match('orm.select().from(users).all();', selfRun);
  t.match('await unit.orm.run(sql`vacuum`);', selfRun);
});

t.test('the writing thread knows every mutation that the server calls', async (t) => {
  const givers = pick(sources, (file) => !['cli', 'db'].includes(kindOf(file)));
  const given = Object.values(givers).flatMap((source) =>
    Array.from(source.matchAll(/\bdb\s*\.write\(\s*(\w+)/g), ([, name]) => String(name)),
  );
  t.strictSame([...new Set(given)].sort(), Object.keys(mutations).sort());
});

t.test('a wrong import is reported by name', async (t) => {
  const wrong = {
    'chats/queries.ts': "import { x } from './chats.ts';",
    'chats/chats.ts': "import type { x } from '../accounts/routes.ts';",
    'chats/routes.ts':
      "import {\n  x,\n} from '../accounts/routes.ts';\nimport { db } from '../db/open.ts';",
    'chats/schema.ts': "import '../errors.ts'; import { y } from './queries.ts';",
    'db/open.ts': "const x = await import('../chats/queries.ts');",
    'users/new/x.ts': "export { x } from '../../sessions/authentication.ts';",
  };
  t.strictSame(wrongImports(wrong), [
    'chats/queries.ts → chats/chats.ts',
    'chats/chats.ts → accounts/routes.ts',
    'chats/routes.ts → accounts/routes.ts',
    'chats/routes.ts → db/open.ts',
    'chats/schema.ts → chats/queries.ts',
  ]);
  t.strictSame(arrowsUp(wrong), [
    'chats → accounts',
    'chats → accounts',
    'db → chats',
    'users → sessions',
  ]);
  t.strictSame(
    wrongPackages({
      'chats/chats.ts': "import { eq } from 'drizzle-orm';",
      'chats/queries.ts': "import Database from 'better-sqlite3';",
    }),
    ['chats/chats.ts → drizzle-orm', 'chats/queries.ts → better-sqlite3'],
  );
});

function readSources(folder: string): Sources {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => /\.tsx?$/.test(file));
  return Object.fromEntries(files.map((file) => [file, readFileSync(folder + file, 'utf8')]));
}

/** The modules that a file imports or exports from, including imports of types. */
function importsOf(source: string): string[] {
  const statements = /(?:\bfrom\s*|\bimport\s*\(?\s*)'([^']+)'/g;
  return [...source.matchAll(statements)].map(([, name]) => String(name));
}

/** Our own modules that each file imports, as `from → to`. */
function importsWithin(files: Sources): [from: string, to: string][] {
  return Object.entries(files).flatMap(([file, source]) =>
    importsOf(source)
      .filter((name) => /^\.\.?\//.test(name))
      .map((name): [string, string] => [file, posix.join(posix.dirname(file), name)]),
  );
}

function roomOf(file: string): string {
  return /^[^/]+(?=\/)/.exec(file)?.[0] ?? posix.parse(file).name;
}

/** The arrows between rooms. */
function arrowsOf(files: Sources): string[] {
  return importsWithin(files)
    .map(([from, to]) => [roomOf(from), roomOf(to)])
    .filter(([from, to]) => from !== to)
    .map((rooms) => rooms.join(' → '));
}

/** Arrows to a higher floor, or to a room that has none. */
function arrowsUp(files: Sources): string[] {
  const floorOf = (room = '') => floors.findIndex((rooms) => rooms.includes(room));
  return arrowsOf(files).filter((arrow) => {
    const [from, to] = arrow.split(' → ').map(floorOf) as [number, number];
    return to > from || Math.min(from, to) < 0;
  });
}

function wrongImports(files: Sources): string[] {
  return importsWithin(files)
    .filter(([from, to]) => !isAllowed(from, to))
    .map((arrow) => arrow.join(' → '));
}

function isAllowed(from: string, to: string): boolean {
  const kind = kindOf(from);
  if (kindOf(to) === 'routes' && !registering.includes(kind)) return false;
  if (kinds[kind]?.includes(kindOf(to)) === false) return false;
  if (!to.startsWith('db/') || from.startsWith('db/')) return true;
  const rooms = open[to];
  return rooms === 'all' || (rooms?.includes(roomOf(from)) ?? false);
}

function wrongPackages(files: Sources): string[] {
  return Object.entries(files).flatMap(([file, source]) =>
    importsOf(source)
      .filter((name) => packages[name]?.includes(kindOf(file)) === false)
      .map((name) => `${file} → ${name}`),
  );
}

function filesWith(files: Sources, pattern: RegExp): string[] {
  return Object.keys(pick(files, (_, source) => pattern.test(withoutComments(source)))).sort();
}

function pick(files: Sources, isWanted: (file: string, source: string) => boolean): Sources {
  return Object.fromEntries(
    Object.entries(files).filter(([file, source]) => isWanted(file, source)),
  );
}

const withoutComments = (source: string) => source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
