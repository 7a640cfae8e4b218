/** Problems at the start: on a full disk the program reads, otherwise it says what is wrong. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import t, { type Test } from 'tap';
import { sentenceOf } from '../src/cli/sentence.ts';
import { readFixture } from './helpers/fixtures.ts';
import { query } from './helpers/rows.ts';
import { bundle, RemotePerson, runSnug, spawnSnug, startServer } from './helpers/server.ts';
import { mountless, smallDisk } from './helpers/tools.ts';
import { password, tempFolder } from './helpers/world.ts';

const full = 'The server cannot store anything at the moment. Try again later.';
const size = 8 * 1024 * 1024;

/** Fills a disk to its last byte; returns a function that makes room again. */
function fill(folder: string): () => void {
  const ballast = join(folder, 'ballast');
  execFileSync('sh', ['-c', `dd if=/dev/zero of=${ballast} bs=1k 2>/dev/null || true`]);
  return () => rmSync(ballast);
}

/** alice, signed in, and a chat of hers with one message, on a server that has ended. */
async function startTalk(t: Test, file: string, signal: NodeJS.Signals) {
  const server = await startServer(t, file);
  const alice = await new RemotePerson(server.url).register('alice');
  const made = await alice.send('POST', '/api/chats', { title: 'Sunday hike' });
  const chat = String(made.headers.get('location'));
  // So much that the file must grow at the checkpoint.
  for (let i = 0; i < 40; i++) await alice.send('POST', chat, { content: 'x'.repeat(4_000) });
  await alice.send('POST', chat, { content: 'before' });
  await server.end(signal);
  return { alice, chat };
}

for (const [signal, name] of [
  ['SIGTERM', 'has neither log nor index'],
  ['SIGKILL', 'has a WAL that cannot be checkpointed'],
] as const) {
  t.test(
    `a server that ${name} starts on a full disk and reads`,
    { skip: mountless },
    async (t) => {
      const folder = await smallDisk(t, size);
      const file = join(folder, 'snug.db');
      const before = await startTalk(t, file, signal);
      const makeRoom = fill(folder);
      const server = await startServer(t, file);
      await server.wrote(
        /"level":40,.*"the disk is full: nothing can be stored until there is room"/,
      );
      const alice = Object.assign(new RemotePerson(server.url), { cookie: before.alice.cookie });
      const texts = async () => {
        const { messages } = (await (await alice.get(before.chat)).json()) as {
          messages: { content: string }[];
        };
        return messages.map(({ content }) => content).filter((text) => text.length < 50);
      };
      const hits = async (q: string) =>
        ((await (await alice.get(`/api/search?q=${q}`)).json()) as { hits: unknown[] }).hits.length;
      const post = (content: string) => alice.send('POST', before.chat, { content });
      t.strictSame(await texts(), ['before']);
      t.equal(await hits('before'), 1);
      for (let i = 0; i < 2; i++) {
        const answer = await post('in between');
        t.strictSame([answer.status, await answer.json()], [503, { error: full }]);
        t.equal((await fetch(`${server.url}/healthz`)).status, 503);
      }
      makeRoom();
      t.equal((await fetch(`${server.url}/healthz`)).status, 200, 'with room it is healthy again');
      t.equal((await post('after')).status, 201);
      t.strictSame(await texts(), ['before', 'after']);
      t.equal(await server.end('SIGTERM'), 0);
      const again = await startServer(t, file);
      t.equal((await fetch(`${again.url}/healthz`)).status, 200);
      t.notMatch(again.output(), /full/);
      t.equal(await again.end('SIGTERM'), 0);
    },
  );
}

t.test('a server without accounts starts on a full disk too', { skip: mountless }, async (t) => {
  const folder = await smallDisk(t, size);
  const file = join(folder, 'snug.db');
  t.equal(await (await startServer(t, file)).end('SIGTERM'), 0);
  const makeRoom = fill(folder);
  const server = await startServer(t, file);
  await server.wrote(/"the disk is full: nothing can be stored until there is room"/);
  const stranger = new RemotePerson(server.url);
  const fields = { name: 'alice', email: 'alice@example.org', password };
  const register = () => stranger.send('POST', '/api/user', fields);
  for (let i = 0; i < 2; i++) {
    const answer = await register();
    t.strictSame([answer.status, await answer.json()], [503, { error: full }]);
    t.equal(answer.headers.get('set-cookie'), null);
    t.equal((await fetch(`${server.url}/healthz`)).status, 503);
  }
  makeRoom();
  t.equal((await fetch(`${server.url}/healthz`)).status, 200);
  t.equal((await register()).status, 201, 'with room it registers again');
  t.strictSame(query(file, 'select name, role from users'), [{ name: 'alice', role: 'admin' }]);
  t.equal(await server.end('SIGTERM'), 0);
});

t.test('on a full disk no database is created or upgraded', { skip: mountless }, async (t) => {
  const folder = await smallDisk(t, size);
  const file = join(folder, 'snug.db');
  await writeFile(file, readFixture('schema-1').database);
  const makeRoom = fill(folder);
  const before = readFileSync(file);
  for (const path of [file, join(folder, 'new', 'snug.db')]) {
    const { code, errors } = await runSnug(t, path, ['serve']);
    t.equal(code, 1);
    t.match(errors, /^snug: There is not enough disk space (for|to upgrade) .*\.\n$/);
  }
  t.strictSame(readFileSync(file), before);
  t.strictSame(
    readdirSync(folder).filter((name) => statSync(join(folder, name)).size > 3),
    ['ballast', 'snug.db'],
  );
  makeRoom();
  t.equal(await (await startServer(t, file)).end('SIGTERM'), 0);
});

/** A refused start: the files, the settings, and the sentence about `file`. */
interface Refused {
  readonly path?: string;
  readonly make?: (file: string) => unknown;
  readonly env?: Record<string, string>;
  readonly sentence: (file: string) => string;
}

const cannotBeWritten = (file: string) =>
  `${file} cannot be written. Check its folder and who owns it.`;
const isNoFile = (file: string) => `${file} is not a file. Name a file in DATABASE_URL.`;
const cannotBeLocked = (file: string) =>
  `${file}.lock cannot be locked. Check who owns it, or delete it.`;
const isTooLong = (file: string) =>
  `${file} has a name that is too long. Name another file in DATABASE_URL.`;

const pipe = (path: string) => execFileSync('mkfifo', [path]);

const refusals: Record<string, Refused> = {
  'a folder': { make: (file) => mkdir(file), sentence: isNoFile },
  'a pipe': { make: pipe, sentence: isNoFile },
  'a device': { make: (file) => symlink('/dev/zero', file), sentence: isNoFile },
  'a link to itself': {
    make: (file) => symlink(file, file),
    sentence: (file) =>
      `${file} is a symbolic link that leads nowhere. Name another file in DATABASE_URL.`,
  },
  'a link into a folder that is not there': {
    make: (file) => symlink('/nowhere/snug.db', file),
    sentence: cannotBeWritten,
  },
  'a folder without files': { path: '/proc/nowhere/snug.db', sentence: cannotBeWritten },
  'a file for a folder': { path: '/dev/null/snug.db', sentence: cannotBeWritten },
  'too long a name': { path: 'x'.repeat(300), sentence: isTooLong },
  'too long a name for the lock': { path: 'x'.repeat(252), sentence: isTooLong },
  'too long a path': {
    path: 'a-folder-of-many/'.repeat(40).concat('snug.db'),
    sentence: (file) =>
      `The path of the database has ${file.length} bytes; at most 480 are possible. Name a shorter one in DATABASE_URL.`,
  },
  'a lock that is a folder': {
    make: async (file) => {
      await writeFile(file, '');
      await mkdir(`${file}.lock`);
    },
    sentence: cannotBeLocked,
  },
  'a lock that is a pipe': {
    make: async (file) => {
      await writeFile(file, '');
      pipe(`${file}.lock`);
    },
    sentence: cannotBeLocked,
  },
  'a lock that is something else': {
    make: async (file) => {
      await writeFile(file, '');
      await writeFile(`${file}.lock`, 'text');
    },
    sentence: cannotBeLocked,
  },
  'no database, as the file says': {
    make: (file) => writeFile(file, 'Dear diary,\n'.repeat(500)),
    sentence: (file) => `${file} is not a database. Name another file in DATABASE_URL.`,
  },
  'no database where there must be one': {
    path: 'not/there/snug.db',
    env: { DATABASE_MUST_EXIST: 'yes' },
    sentence: (file) =>
      `There is no database at ${file}. Mount its disk, or restore a backup; to create a new one, set DATABASE_MUST_EXIST=no once.`,
  },
  'an empty file where there must be a database': {
    make: (file) => writeFile(file, ''),
    env: { DATABASE_MUST_EXIST: 'yes' },
    sentence: (file) =>
      `There is no database at ${file}. Mount its disk, or restore a backup; to create a new one, set DATABASE_MUST_EXIST=no once.`,
  },
  'a schema that is half there': {
    make: (file) => {
      const text = `pragma application_id = ${0x536e7567}; pragma user_version = 1; create table t (a)`;
      execFileSync(process.execPath, ['-e', sqlite, file, text]);
    },
    sentence: (file) =>
      `The schema of ${file} does not match this version of Snug. Restore a backup.`,
  },
};

const driver = fileURLToPath(import.meta.resolve('better-sqlite3'));
const sqlite = `const db = new (require('${driver}'))(process.argv[1]); db.exec(process.argv[2]); db.close()`;

for (const [name, { path = 'snug.db', make, env = {}, sentence }] of Object.entries(refusals)) {
  t.test(`${name}: one sentence, and nothing is left`, async (t) => {
    const folder = await tempFolder(t);
    const file = path.startsWith('/') ? path : join(folder, path);
    await make?.(file);
    const before = readdirSync(folder);
    const { code, errors } = await runSnug(t, file, ['serve'], { env });
    t.equal(code, 1);
    t.equal(errors, `snug: ${sentence(file)}\n`);
    t.strictSame(readdirSync(folder), before);
  });
}

t.test('an unusable address is refused in one sentence', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  for (const HOST of ['fe80::1%nowhere', '2001:db8::1', 'nowhere.invalid', '192.0.2.1']) {
    const { code, errors } = await runSnug(t, file, ['serve'], { env: { HOST } });
    t.equal(code, 1);
    t.match(
      errors,
      /^snug: (This machine has no address|The server cannot listen at) [^\n]*\.\n$/,
      HOST,
    );
  }
});

t.test('an unreadable setting or .env file is refused', async (t) => {
  const cwd = await tempFolder(t);
  await mkdir(join(cwd, '.env'));
  const { code, errors } = await runSnug(t, join(cwd, 'snug.db'), ['serve'], { cwd });
  t.strictSame([code, errors], [1, 'snug: The file .env cannot be read. Check who owns it.\n']);
});

t.test('an unsuitable Node or machine is refused in one sentence', async (t) => {
  const cwd = await tempFolder(t);
  const requirements = fileURLToPath(new URL('../build/run/requirements.mjs', import.meta.url));
  const refusalOn = (script: string, change: string) => {
    const { NODE_OPTIONS: _, ...env } = process.env;
    const asIf = `data:text/javascript,${encodeURIComponent(change)}`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', asIf, script], {
      ...{ cwd, env, encoding: 'utf8' },
    });
    return { status, stdout, stderr };
  };
  const version = (node: string) =>
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } });
     Object.defineProperty(process, 'version', { value: 'v${node}' });`;
  for (const script of [bundle, requirements]) {
    for (const node of ['12.22.12', '20.19.0', '24.6.0']) {
      const stderr = `snug: Snug needs Node 24.7 or newer; this is v${node}.\n`;
      t.strictSame(refusalOn(script, version(node)), { status: 1, stdout: '', stderr });
    }
    const stderr = 'snug: Snug needs a 64-bit system; this Node is for arm, which has 32 bits.\n';
    const narrow = "Object.defineProperty(process, 'arch', { value: 'arm' })";
    t.strictSame(refusalOn(script, narrow), { status: 1, stdout: '', stderr });
  }
  t.equal(refusalOn(requirements, version('24.7.0')).status, 0);
  const { scripts, engines } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  for (const name of ['prebuild', 'predev'])
    t.equal(scripts[name], 'node build/run/requirements.mjs');
  t.equal(engines.node, '>=24.7');
});

t.test('the first files can be read by a far too old Node, and run as a program', async (t) => {
  for (const path of [
    bundle,
    fileURLToPath(new URL('../build/run/requirements.mjs', import.meta.url)),
  ]) {
    const text = readFileSync(path, 'utf8');
    const { code: plain } = await transform(text, { target: 'esnext' });
    const { code: old } = await transform(text, { target: 'node12.20' });
    t.equal(old, plain, 'nothing is too new for it');
  }
  t.match(readFileSync(bundle, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  const { NODE_OPTIONS: _, ...env } = process.env;
  const PATH = `${dirname(process.execPath)}${delimiter}${env.PATH}`;
  t.match(
    execFileSync(bundle, ['--version'], { env: { ...env, PATH }, encoding: 'utf8' }),
    /^snug \d/,
  );
});

t.test('a missing or unsuitable system library is named', (t) => {
  const failure = (message: string) =>
    sentenceOf(Object.assign(new Error(message), { code: 'ERR_DLOPEN_FAILED' }), '/opt/snug/dist/');
  const old =
    "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /opt/x/linux-x64.node)";
  t.match(failure(old), /needs glibc 2\.34\. Use Debian 12, Ubuntu 22\.04 or newer\.$/);
  const missing = 'libatomic.so.1: cannot open shared object file: No such file or directory';
  t.equal(
    failure(missing),
    'The system lacks the library libatomic.so.1. Install it, and try again.',
  );
  t.match(failure('/opt/x/linux-x64.node: invalid ELF header'), /^The program is incomplete/);
  t.end();
});

t.test('an incomplete program says so', async (t) => {
  const root = await tempFolder(t);
  const dist = join(root, 'dist');
  cpSync(dirname(bundle), dist, { recursive: true });
  const start = () => {
    const { NODE_OPTIONS: _, ...env } = process.env;
    try {
      execFileSync(process.execPath, [join(dist, 'snug.mjs'), 'check'], {
        cwd: root,
        env,
        stdio: 'pipe',
      });
      return '';
    } catch (error) {
      return String((error as { stderr: Buffer }).stderr);
    }
  };
  const notWhole = /^snug: The program is incomplete \(.*\)\. Run: npm ci && npm run build\n$/;
  t.match(start(), notWhole, 'without the packages that it needs');
  await symlink(
    fileURLToPath(new URL('../node_modules', import.meta.url)),
    join(root, 'node_modules'),
  );
  t.notMatch(start(), notWhole);
  for (const name of ['program.js', 'load.mjs', 'writer.js', 'writer.mjs', 'compilers.js']) {
    const path = join(dist, name);
    await rename(path, `${path}.kept`);
    t.match(start(), notWhole, `without ${name}`);
    await rename(`${path}.kept`, path);
  }
  await writeFile(
    join(dist, 'program.js'),
    readFileSync(join(dist, 'program.js')).subarray(0, 1e5),
  );
  t.match(start(), notWhole, 'truncated');
});

t.test('a new database is announced', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const first = await startServer(t, file);
  t.match(first.output(), new RegExp(`"level":40,.*"file":"${file}".*"created a new database"`));
  await first.end('SIGTERM');
  const second = await startServer(t, file, { env: { DATABASE_MUST_EXIST: 'yes' } });
  t.notMatch(second.output(), 'created a new database');
  await second.end('SIGTERM');
});

t.test('of five simultaneous starts without a database one serves; none does harm', async (t) => {
  const file = join(await tempFolder(t), 'new', 'snug.db');
  const starts = Array.from({ length: 5 }, () => spawnSnug(t, { env: { DATABASE_URL: file } }));
  const outcomes = await Promise.all(
    starts.map(({ exited, wrote }) =>
      Promise.race([exited, wrote(/listening at/).then(() => 'serves')]),
    ),
  );
  t.strictSame(outcomes.sort(), [1, 1, 1, 1, 'serves']);
  t.ok(existsSync(`${file}.lock`));
});
