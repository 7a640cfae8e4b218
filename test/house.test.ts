/** Who may know whom, read from the import statements; see CONTRIBUTING. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { commands } from '../src/commands.ts';

type Sources = Record<string, string>;

/** Pure rules that the server and the client both follow; they know nothing of ours. */
const shared = ['mentions/candidates.ts', 'users/canonical.ts', 'reactions/emoji.ts'];

/** What a file is by its place: a noun's folder has routes, rules, queries and a schema. */
function kindOf(file: string): string {
  const { dir, name } = posix.parse(file);
  if (dir === '') return name;
  if (shared.includes(file)) return 'shared';
  if (file.startsWith('web/')) return 'web';
  if (dir === 'cli') return 'cli';
  if (dir === 'jobs') return name === 'steps' ? 'rules' : 'jobs';
  if (dir === 'http') return name === 'schema' ? 'schema' : 'http';
  if (dir === 'db') return ['tables', 'search-table'].includes(name) ? 'tables' : 'db';
  if (file === 'events/hub.ts') return 'hub';
  return ['routes', 'queries', 'schema'].includes(name) ? name : 'rules';
}

/** Which kinds of our own files each kind may import. */
const arrows: Record<string, readonly string[]> = {
  main: ['serve', 'cli', 'errors'],
  cli: ['cli', 'backups', 'config', 'jobs', 'rules', 'shared', 'queries', 'schema', 'db', 'errors'],
  serve: ['app', 'backups', 'commands', 'config', 'db', 'http', 'housekeeping', 'jobs', 'errors'],
  writer: ['commands', 'db'],
  commands: ['rules', 'db'],
  backups: ['config', 'db'],
  housekeeping: ['jobs', 'rules', 'queries', 'db'],
  jobs: ['jobs', 'rules', 'queries', 'db'],
  app: ['routes', 'http', 'config', 'db', 'errors'],
  config: ['errors'],
  errors: [],
  routes: ['rules', 'shared', 'queries', 'schema', 'hub', 'http', 'db', 'errors'],
  // Fans out what was committed, and reads it to tell it: it decides nothing.
  hub: ['rules', 'db'],
  shared: [],
  rules: ['rules', 'shared', 'queries', 'schema', 'db', 'errors'],
  queries: ['tables', 'db'],
  schema: ['schema', 'errors'],
  http: ['http', 'rules', 'queries', 'schema', 'db', 'errors'],
  // The client knows the server by what goes over the wire; see the test of its types.
  web: ['web', 'schema', 'shared', 'errors'],
  db: ['db', 'tables', 'errors'],
  tables: ['shared'],
};

/** Of the database, those who use it see these alone, and only who opens it sees `open`. */
const open: Record<string, readonly string[]> = {
  'db/store.ts': ['app', 'cli', 'housekeeping', 'jobs', 'routes', 'hub', 'http', 'db'],
  'db/commit.ts': ['cli', 'housekeeping', 'jobs', 'rules', 'hub', 'db'],
  'db/memory.ts': ['rules', 'db'],
  'db/paging.ts': ['rules'],
  'db/query.ts': ['rules', 'queries', 'hub', 'db'],
  'db/seen.ts': ['queries'],
  'db/open.ts': ['serve', 'cli'],
  'db/commands.ts': ['commands', 'db'],
  'db/worker.ts': ['writer'],
  'db/files.ts': ['cli', 'db'],
  'db/room.ts': ['cli', 'db'],
  'db/upgrade.ts': ['serve', 'housekeeping', 'db'],
  'db/upgrade-thread.ts': ['serve', 'db'],
  'db/start-error.ts': ['serve', 'cli', 'db'],
  'db/backup.ts': ['cli', 'backups'],
  'db/restore.ts': ['cli'],
  'db/compact.ts': ['cli', 'db'],
  'db/beside.ts': ['cli'],
  'db/check.ts': ['cli'],
  'db/compare-schema.ts': ['cli'],
  'db/replace-search.ts': ['rules', 'db'],
};

/** Packages that not everybody may import. */
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

t.test('every import follows an arrow', async (t) => {
  t.strictSame(wrongArrows(sources), []);
});

t.test('the driver is known to db/ alone, and drizzle to queries', async (t) => {
  t.strictSame(wrongPackages(sources), []);
});

t.test('the client has of the server its types alone', async (t) => {
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

/** What runs a text as a program or a page. */
const execution =
  /\beval\(|new Function\b|[iI]nnerHTML|insertAdjacentHTML|document\.write\(|node:vm\b/;

/** What hands a text to a shell, in a file that starts programs. */
const shell = /(?<!import \{ spawn \} from 'node:)child_process|\bshell\b/;

t.test('no text is ever run as code, as HTML or as a command', async (t) => {
  t.strictSame(filesWith(sources, execution), []);
  t.match('<p dangerouslySetInnerHTML={{ __html: text }} />', execution);
  const starters = pick(sources, (_, source) => source.includes('child_process'));
  t.strictSame(Object.keys(starters), ['backups.ts'], 'it starts this program again');
  t.strictSame(filesWith(starters, shell), [], 'with its arguments one by one');
  t.match("import { exec } from 'node:child_process';", shell);
  t.match('spawn(command, { shell: true })', shell);
});

t.test('the server calls nobody', async (t) => {
  const caller = /import [^;]*\b(connect|request|get)\b[^;]*'node:(net|http)'/;
  const outward = /\bfetch\(|\bnew WebSocket|'(node:(https|http2|dgram|tls|dns)|undici)'/;
  const server = pick(sources, (file) => kindOf(file) !== 'web');
  t.strictSame([...filesWith(server, outward), ...filesWith(server, caller)], []);
  t.match("await fetch('https://example.org')", outward);
  t.match("import { connect } from 'node:net';", caller);
});

/** What is imported when the program runs, by the name of its package; types are gone by then. */
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

t.test('every dependency at run time is used there, and nothing else is', async (t) => {
  const { dependencies } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  const server = pick(sources, (file) => kindOf(file) !== 'web');
  t.strictSame(packagesUsed(server), Object.keys(dependencies).sort());
  const example = { 'x.ts': "import type { A } from 'a';\nimport { b } from '@b/b/c';" };
  t.strictSame(packagesUsed(example), ['@b/b']);
});

/** A drizzle statement that runs itself, whether or not it was prepared first. */
const selfRun = /\)\s*\.(run|get|all|values|sync)\(\s*\)|\borm\b[^;]*?\.(run|get|all)\(/;

t.test('outside db/ a statement is run in no other way than by calling its query', async (t) => {
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

t.test('the thread that writes knows every command that the server gives', async (t) => {
  const givers = pick(sources, (file) => !['cli', 'db'].includes(kindOf(file)));
  const given = Object.values(givers).flatMap((source) =>
    Array.from(source.matchAll(/\bdb\s*\.write\(\s*(\w+)/g), ([, name]) => String(name)),
  );
  t.strictSame([...new Set(given)].sort(), Object.keys(commands).sort());
});

t.test('a wrong arrow fails by name', async (t) => {
  const wrong = {
    'chats/queries.ts': "import { x } from './chats.ts';",
    'chats/chats.ts': "import type { x } from '../users/routes.ts';",
    'chats/routes.ts':
      "import {\n  x,\n} from '../users/routes.ts';\nimport { db } from '../db/open.ts';",
    'chats/schema.ts': "import '../errors.ts'; import { y } from './queries.ts';",
    'db/open.ts': "const x = await import('../chats/queries.ts');",
    'users/new/x.ts': "export { x } from '../../http/sign-in.ts';",
  };
  t.strictSame(wrongArrows(wrong), [
    'chats/queries.ts → chats/chats.ts',
    'chats/chats.ts → users/routes.ts',
    'chats/routes.ts → users/routes.ts',
    'chats/routes.ts → db/open.ts',
    'chats/schema.ts → chats/queries.ts',
    'db/open.ts → chats/queries.ts',
    'users/new/x.ts → http/sign-in.ts',
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

/** What a file imports or exports from elsewhere, by name, for its types too. */
function importsOf(source: string): string[] {
  const statements = /(?:\bfrom\s*|\bimport\s*\(?\s*)'([^']+)'/g;
  return [...source.matchAll(statements)].map(([, name]) => String(name));
}

function wrongArrows(files: Sources): string[] {
  return Object.entries(files).flatMap(([file, source]) =>
    importsOf(source)
      .filter((name) => name.startsWith('.'))
      .map((name) => posix.join(posix.dirname(file), name))
      .filter((target) => !isAllowed(kindOf(file), target))
      .map((target) => `${file} → ${target}`),
  );
}

function isAllowed(kind: string, target: string): boolean {
  const mayKnow = arrows[kind]?.includes(kindOf(target)) ?? false;
  if (kindOf(target) !== 'db' || kind === 'db') return mayKnow;
  return mayKnow && (open[target]?.includes(kind) ?? false);
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
