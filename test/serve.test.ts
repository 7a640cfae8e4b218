/** The program as a process: how it starts, refuses to start, ends, and what it leaves behind. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { outside } from './helpers/database.ts';
import { nextOf } from './helpers/pages.ts';
import { randomNumbers, seedOf } from './helpers/random.ts';
import {
  bundle,
  RemotePerson,
  type ServerProcess,
  type SnugProcess,
  spawnSnug,
  startServer,
} from './helpers/server.ts';
import { without } from './helpers/tools.ts';
import { tempFolder } from './helpers/world.ts';

// One test waits for ten seconds; others need not wait for it.
t.jobs = 2;

const isRoot = process.getuid?.() === 0;
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** A sound database that a server has created and closed. */
async function madeFile(t: Test): Promise<string> {
  const file = join(await tempFolder(t), 'snug.db');
  const server = await startServer(t, file);
  await server.end('SIGTERM');
  return file;
}

/** Changes a database from outside, and leaves no WAL. */
function change(file: string, text: string): void {
  const sqlite = new Database(file);
  sqlite.exec(text);
  sqlite.close();
}

/** Asserts that the program ends by itself and prints only this. */
async function refuses(t: Test, { exited, errors }: SnugProcess, sentence: string): Promise<void> {
  t.equal(await exited, 1, sentence);
  t.equal(errors(), `snug: ${sentence}\n`);
}

/** alice, signed in, and a chat of hers. */
async function startChat(url: string) {
  const alice = await new RemotePerson(url).register('alice');
  const answer = await alice.send('POST', '/api/chats', { title: 'Sunday hike' });
  return { alice, chat: String(answer.headers.get('location')) };
}

const noTasks = !existsSync('/proc/self/task') && 'needs Linux';

t.test('on one core the thread pool has two threads', { skip: noTasks }, async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const { child } = await startServer(t, file, { wrapper: ['taskset', '-c', '0'] });
  const tasks = `/proc/${child.pid}/task`;
  const names = readdirSync(tasks).map((id) => readFileSync(`${tasks}/${id}/comm`, 'latin1'));
  t.equal(names.filter((name) => name.trim() === 'libuv-worker').length, 2);
});

t.test('a server reachable without https says so, and serves', async (t) => {
  const warning = 'others can reach this server without https';
  // Another way to write 127.0.0.1, which only the system understands.
  const elsewhere = { HOST: '2130706433' };
  const cases: [env: Record<string, string>, isWarned: boolean][] = [
    [elsewhere, true],
    [{ ...elsewhere, PUBLIC_URL: 'http://chat.example.org' }, true],
    [{ ...elsewhere, PUBLIC_URL: 'https://chat.example.org' }, false],
    [{ ...elsewhere, TRUST_PROXY: '127.0.0.1' }, false],
    [{ HOST: '127.0.0.1' }, false],
    [{ HOST: 'localhost' }, false],
  ];
  const runs = cases.map(async ([env, isWarned]) => {
    const server = await startServer(t, join(await tempFolder(t), 'snug.db'), { env });
    t.equal((await fetch(`${server.url}/healthz`)).status, 200);
    t.equal(await server.end('SIGTERM'), 0);
    t.equal(server.output().split(warning).length - 1, isWarned ? 1 : 0, JSON.stringify(env));
  });
  await Promise.all(runs);
});

t.test('files of the server are readable only by its user, with any umask', async (t) => {
  const folder = join(await tempFolder(t), 'not', 'there');
  const file = join(folder, 'snug.db');
  const wrapper = ['sh', '-c', 'umask 000; exec "$@"', 'sh'];
  const server = await startServer(t, file, { wrapper });
  await startChat(server.url);
  t.equal(mode(folder), '700');
  const made = readdirSync(folder).sort();
  t.strictSame(made, ['snug.db', 'snug.db-shm', 'snug.db-wal', 'snug.db.lock']);
  for (const name of made) t.equal(mode(join(folder, name)), '600', name);
  t.equal(await server.end('SIGTERM'), 0);
  t.strictSame(readdirSync(folder).sort(), ['snug.db', 'snug.db.lock'], 'no WAL is left');
});

t.test('without a command the program serves', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const server = await startServer(t, file, { args: [] });
  t.strictSame(await (await fetch(`${server.url}/healthz`)).json(), { status: 'ok' });
});

t.test('help names every command', async (t) => {
  const { exited, output } = spawnSnug(t, { args: ['help'] });
  t.equal(await exited, 0);
  t.match(output(), /^snug serve +Run the server/);
});

t.test('an unknown command or an invalid setting is refused in one sentence', async (t) => {
  const sentence = (name: string) => `There is no command "${name}". See: snug help`;
  await refuses(t, spawnSnug(t, { args: ['destroy'] }), sentence('destroy'));
  await refuses(t, spawnSnug(t, { args: ['toString'] }), sentence('toString'));
  await refuses(
    t,
    spawnSnug(t, { env: { PORT: 'http' } }),
    'PORT must be a whole number from 0 to 65535; it is "http".',
  );
});

t.test('a port in use or a foreign address is refused, and the file is closed', async (t) => {
  const file = await madeFile(t);
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const { port } = other.address() as { port: number };
  const before = hash(file);
  const env = { DATABASE_URL: file, LOG_LEVEL: 'error' };
  await refuses(
    t,
    spawnSnug(t, { env: { ...env, PORT: String(port) } }),
    `Port ${port} is already in use. Set PORT to another one.`,
  );
  await refuses(
    t,
    spawnSnug(t, { env: { ...env, HOST: '192.0.2.1' } }),
    'This machine has no address 192.0.2.1. Set HOST to an address of this machine.',
  );
  t.equal(hash(file), before);
  t.notOk(existsSync(`${file}-wal`));
});

t.test('a second server on one file is refused, under another name too', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const server = await startServer(t, file);
  await symlink(file, `${file}.link`);
  for (const name of [file, `${file}.link`]) {
    await refuses(
      t,
      spawnSnug(t, { env: { DATABASE_URL: name } }),
      `Another Snug server is using ${file}. Stop it first, or name another file in DATABASE_URL.`,
    );
  }
  t.equal((await fetch(`${server.url}/healthz`)).status, 200, 'the first one is alive');
  t.equal(await server.end('SIGKILL'), 'SIGKILL');
  const next = await startServer(t, file);
  t.equal((await fetch(`${next.url}/healthz`)).status, 200, 'a crash leaves no lock');
});

const otherName = 'Name another file in DATABASE_URL.';

/** Files that the server must not touch: how each is made, and the error for it. */
const foreign: Record<string, [make: (file: string) => unknown, sentence: string]> = {
  'no database': [
    (file) => writeFile(file, 'Dear diary,\n'.repeat(500)),
    `is not a database. ${otherName}`,
  ],
  'a short text': [(file) => writeFile(file, 'x'), `is not a database. ${otherName}`],
  "another program's database": [
    (file) => change(file, 'create table diary (text); insert into diary values (1)'),
    `is the database of another program. ${otherName}`,
  ],
  'another program’s database with a mark of its own': [
    (file) => change(file, 'pragma application_id = 77; create table users (id)'),
    `is the database of another program. ${otherName}`,
  ],
};

t.test('a foreign file is refused and not touched', async (t) => {
  for (const [name, [make, sentence]] of Object.entries(foreign)) {
    const file = join(await tempFolder(t), 'snug.db');
    await make(file);
    await refusesFile(t, file, `${file} ${sentence}`, name);
  }
});

/** Asserts that the file is refused and unchanged. */
async function refusesFile(t: Test, file: string, sentence: string, name: string) {
  const before = hash(file);
  await refuses(t, spawnSnug(t, { env: { DATABASE_URL: file } }), sentence);
  t.equal(hash(file), before, name);
  t.notOk(existsSync(`${file}-wal`), `${name}: no WAL next to it`);
}

t.test('a file of Snug’s that this version cannot read is not touched', async (t) => {
  const file = await madeFile(t);
  change(file, 'pragma user_version = 99');
  await refusesFile(
    t,
    file,
    `${file} was written by a newer version of Snug. Install that version, or a later one.`,
    'newer',
  );
  change(file, `pragma user_version = 1; update migrations set hash = 'x'`);
  await refusesFile(
    t,
    file,
    `The schema of ${file} does not match this version of Snug. Restore a backup.`,
    'another schema',
  );
});

t.test('a damaged file is refused and not touched', async (t) => {
  const file = await madeFile(t);
  const bytes = readFileSync(file);
  bytes.fill(0xff, 100, 4096);
  await writeFile(file, bytes);
  await refusesFile(t, file, `${file} is damaged. Restore a backup.`, 'overwritten');
  const emptied = await madeFile(t);
  await writeFile(emptied, '');
  await writeFile(`${emptied}-wal`, bytes);
  await refuses(
    t,
    spawnSnug(t, { env: { DATABASE_URL: emptied } }),
    `${emptied} is damaged: it is empty, but its WAL is not. Restore a backup.`,
  );
  t.strictSame(readFileSync(`${emptied}-wal`), bytes);
});

t.test('a path that cannot be written is refused', async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'file'), 'x');
  const path = join(folder, 'file', 'snug.db');
  await refuses(
    t,
    spawnSnug(t, { env: { DATABASE_URL: path } }),
    `${path} cannot be written. Check its folder and who owns it.`,
  );
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'x');
});

/** A user other than root, who is bound by permissions; undefined for the current one. */
const nobody = isRoot ? 65_534 : undefined;

function isReadableBy(uid: number): boolean {
  try {
    execFileSync(process.execPath, ['--check', bundle], { uid, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const unreadable = nobody !== undefined && !isReadableBy(nobody) && 'nobody may read the program';

t.test(
  'a folder or a file without write permission is refused',
  { skip: unreadable },
  async (t) => {
    const folder = await tempFolder(t);
    const file = await madeFile(t);
    await chmod(folder, 0o555);
    await chmod(file, 0o444);
    await chmod(join(file, '..'), 0o777);
    const before = hash(file);
    for (const path of [join(folder, 'snug.db'), file]) {
      const options = nobody === undefined ? {} : { uid: nobody };
      await refuses(
        t,
        spawnSnug(t, { env: { DATABASE_URL: path }, ...options }),
        `${path} cannot be written. Check its folder and who owns it.`,
      );
    }
    t.strictSame(readdirSync(folder), []);
    t.equal(hash(file), before);
  },
);

/** Starts a post whose body lacks only `last`; the server waits for that. */
async function halfPost(server: ServerProcess, alice: RemotePerson, chat: string, header = '') {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (data) => (text += data));
  const ended = once(socket, 'close').then(() => text);
  socket.write(
    `POST ${chat} HTTP/1.1\r\nHost: chat\r\nCookie: ${alice.cookie}\r\nContent-Length: 12\r\n` +
      'Content-Type: application/x-www-form-urlencoded\r\n' +
      `Expect: 100-continue\r\n${header}\r\n`,
  );
  // The server answers the head with "100 Continue".
  await once(socket, 'data');
  socket.write('content=');
  return { socket, ended };
}

/** Sends posts whose ends arrive at the server all at once. */
async function postTogether(
  server: ServerProcess,
  alice: RemotePerson,
  chat: string,
  length: number,
): Promise<string[]> {
  // On connections that are already open: Node accepts only one new one per turn of its loop.
  const started = Array.from({ length }, () =>
    halfPost(server, alice, chat, 'Connection: close\r\n'),
  );
  const posts = await Promise.all(started);
  server.child.kill('SIGSTOP');
  const sent = posts.map(({ socket }) => new Promise((resolve) => socket.write('last', resolve)));
  await Promise.all(sent);
  server.child.kill('SIGCONT');
  return Promise.all(posts.map(({ ended }) => ended));
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} finishes requests in progress, then closes the file`, async (t) => {
    const file = join(await tempFolder(t), 'snug.db');
    const server = await startServer(t, file);
    const { alice, chat } = await startChat(server.url);
    const { socket, ended } = await halfPost(server, alice, chat);
    server.child.kill(signal);
    await server.wrote(/"msg":"stopping"/);
    await t.rejects(fetch(`${server.url}/healthz`), 'nothing new is accepted');
    const startedAt = performance.now();
    socket.write('last');
    t.match(await ended, 'HTTP/1.1 201 ');
    t.equal(await server.exited, 0);
    t.ok(
      performance.now() - startedAt < 5_000,
      'a client with an open connection does not delay it',
    );
    t.match(server.output(), '"msg":"stopped"');
    t.notOk(existsSync(`${file}-wal`));
    const sqlite = outside(t, file);
    t.equal(sqlite.prepare('select content from messages').pluck().get(), 'last');
  });
}

const concurrently = { buffered: true };

t.test(
  'a request that never arrives in full delays the end by at most 10 s',
  concurrently,
  async (t) => {
    const file = join(await tempFolder(t), 'snug.db');
    const server = await startServer(t, file);
    const { alice, chat } = await startChat(server.url);
    const { ended } = await halfPost(server, alice, chat);
    const startedAt = performance.now();
    t.equal(await server.end('SIGTERM'), 1);
    t.ok(performance.now() - startedAt < 10_000);
    t.notMatch(await ended, / 201 /);
  },
);

t.test('a second signal ends the server at once', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const server = await startServer(t, file);
  const { alice, chat } = await startChat(server.url);
  const { ended } = await halfPost(server, alice, chat);
  server.child.kill('SIGTERM');
  await server.wrote(/"msg":"stopping"/);
  const startedAt = performance.now();
  t.equal(await server.end('SIGINT'), 1);
  t.ok(performance.now() - startedAt < 2_000);
  t.notMatch(await ended, / 201 /);
});

/** Makes the program fail at this signal, which nothing else handles. */
const failOnSignal = (failure: string) => [
  '--import',
  `data:text/javascript,process.on('SIGWINCH', () => { ${failure} })`,
];

t.test('an uncaught error is logged, and the program ends', async (t) => {
  for (const failure of ["throw new Error('boom')", "Promise.reject(new Error('boom'))"]) {
    const file = join(await tempFolder(t), 'snug.db');
    const server = await startServer(t, file, { nodeArgs: failOnSignal(failure) });
    t.equal(await server.end('SIGWINCH'), 1);
    t.match(
      logLines(server).find(({ level }) => level === 60),
      { err: { message: 'boom' } },
    );
    t.notOk(existsSync(`${file}-wal`), 'the file is closed');
  }
});

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly reqId?: string;
  readonly route?: string;
  readonly status?: number;
}

/** The lines on standard output; a new server prints its setup instructions on standard error. */
function logLines(server: SnugProcess): LogLine[] {
  return server
    .output()
    .replace(server.errors(), '')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

t.test('the log has every request, and no secret', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const server = await startServer(t, file, { env: { LOG_LEVEL: 'trace' } });
  const { alice, chat } = await startChat(server.url);
  const wrong = { name: 'alice', password: 'hunter2-hunter2' };
  const statuses = [
    alice.send('POST', chat, { content: 'meet me at noon' }),
    alice.send('PUT', chat, { title: 'Secret party' }),
    alice.send('POST', '/api/login', wrong),
    alice.send('PUT', '/api/user', { email: 'alice@new.example.org' }),
    alice.send('PUT', '/api/user', { email: 'not an address' }),
    alice.send('POST', chat, { content: 'too much '.repeat(10_000) }),
    alice.get('/api/user?name=mallory&token=in-the-query'),
    alice.get('/no/such/route-with-a-secret'),
    alice.get('/api/user/%zz-badly-encoded'),
    new RemotePerson(server.url).get(chat),
    fetch(server.url + chat, {
      method: 'POST',
      headers: { cookie: alice.cookie, 'content-type': 'application/json' },
      body: '{"content": broken json',
    }),
  ].map(async (answer) => (await answer).status);
  const expected = [201, 200, 400, 200, 400, 413, 404, 404, 400, 403, 400];
  t.strictSame(await Promise.all(statuses), expected);
  const sqlite = outside(t, file);
  sqlite.exec("create trigger t before insert on messages begin select raise(abort, 'no'); end");
  const failed = await alice.send('POST', chat, { content: 'meet me at midnight' });
  t.strictSame(
    [failed.status, await failed.json()],
    [500, { error: 'Something went wrong on the server. Try again later.' }],
  );
  await server.end('SIGTERM');

  const requests = logLines(server).filter(({ status }) => status !== undefined);
  t.strictSame(
    requests.map(({ status }) => status).sort(),
    [201, 201, ...expected, 500].sort(),
    'registering, creating the chat, and each of these',
  );
  for (const { reqId } of requests) t.type(reqId, 'string');
  t.equal(new Set(requests.map(({ reqId }) => reqId)).size, requests.length);
  t.match(
    logLines(server).find(({ level }) => level >= 50),
    { err: { code: /^SQLITE_/ } },
  );
  const secrets = [
    ...alice.cookie.split('; ').map((cookie) => cookie.replace(/^user_id=.*/, 'user_id=')),
    String(/token=([^;]+)/.exec(alice.cookie)?.[1]),
    'correct horse battery',
    'hunter2',
    'example.org',
    'not an address',
    'Sunday hike',
    'Secret party',
    'noon',
    'midnight',
    'too much',
    'mallory',
    'in-the-query',
    'route-with-a-secret',
    'badly-encoded',
    'broken json',
  ];
  for (const secret of secrets) t.notOk(server.output().includes(secret), secret);
});

t.test('a log whose reader has gone does not end the server', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const server = await startServer(t, file, { env: { LOG_LEVEL: 'trace' } });
  server.child.stdout?.destroy();
  const { alice, chat } = await startChat(server.url);
  for (let i = 0; i < 20; i++) {
    t.equal((await alice.send('POST', chat, { content: `${i}` })).status, 201);
  }
  t.equal(await server.end('SIGTERM'), 0);
  t.notOk(existsSync(`${file}-wal`));
});

t.test('a log that is read too slowly does not slow down the server', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const server = await startServer(t, file);
  const { alice } = await startChat(server.url);
  server.child.stdout?.pause();
  // Each request logs some 200 bytes; a pipe and its reader hold about 300 KB.
  const asks = Array.from(
    { length: 4_000 },
    () => async () => (await alice.get('/api/chats')).text(),
  );
  for (let i = 0; i < asks.length; i += 50) {
    await Promise.all(asks.slice(i, i + 50).map((ask) => ask()));
  }
  t.equal((await fetch(`${server.url}/healthz`)).status, 200);
  const lines = () => server.output().split('"msg":"request"').length - 1;
  t.ok(lines() < 4_000, 'the reader was behind');
  server.child.stdout?.resume();
  t.equal(await server.end('SIGTERM'), 0);
});

/** Posts one message after another until the server is gone; returns the acknowledged ones. */
async function postUntilGone(alice: RemotePerson, chat: string, name: string): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let i = 0; ; i++) {
    const content = `${name}-${i}`;
    try {
      const { status } = await alice.send('POST', chat, { content });
      if (status === 201) acknowledged.push(content);
    } catch {
      return acknowledged;
    }
  }
}

/** The texts of all hits of a search. */
async function textsFound(person: RemotePerson, q: string): Promise<Set<string>> {
  const texts = new Set<string>();
  let url: string | undefined = `/api/search?${new URLSearchParams({ q, limit: '50' })}`;
  while (url !== undefined) {
    const answer: Response = await person.get(url);
    const { hits } = (await answer.json()) as { hits: { snippet: string }[] };
    for (const { snippet } of hits) texts.add(snippet);
    url = nextOf({ headers: { link: answer.headers.get('link') ?? undefined } });
  }
  return texts;
}

/** `KILL_ROUNDS=200 node test/serve.test.ts` takes some minutes. */
const rounds = Number(process.env.KILL_ROUNDS ?? 5);
if (process.env.KILL_ROUNDS !== undefined) t.setTimeout(0);

t.test('kill -9 among eight writers loses nothing that was acknowledged', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const random = randomNumbers(seedOf(t));
  const acknowledged: string[] = [];
  let server = await startServer(t, file);
  const { alice, chat } = await startChat(server.url);
  for (let round = 0; round < rounds; round++) {
    const writer = Object.assign(new RemotePerson(server.url), { cookie: alice.cookie });
    // The first post loads shared modules; on a slow machine that takes most of the time.
    t.equal((await writer.send('POST', chat, { content: `${round}` })).status, 201);
    acknowledged.push(`${round}`);
    const names = Array.from({ length: 8 }, (_, i) => `${round}-${i}`);
    const posts = Promise.all(names.map((name) => postUntilGone(writer, chat, name)));
    const { child } = server;
    setTimeout(() => child.kill('SIGKILL'), 100 + 300 * random());
    acknowledged.push(...(await posts).flat());
    await server.exited;
    server = await startServer(t, file);
    const sqlite = outside(t, file);
    const stored = sqlite.prepare('select content from messages').pluck().all();
    t.strictSame(
      acknowledged.filter((content) => !stored.includes(content)),
      [],
      'none is lost',
    );
    t.equal(new Set(stored).size, stored.length, 'none is stored twice');
    const reader = Object.assign(new RemotePerson(server.url), { cookie: alice.cookie });
    const found = await textsFound(reader, `${round} `);
    const latest = acknowledged.filter((content) => content.startsWith(`${round}-`));
    t.strictSame(
      latest.filter((content) => !found.has(content)),
      [],
      'each is found, whether it was indexed or not',
    );
    t.equal(sqlite.pragma('integrity_check', { simple: true }), 'ok');
    t.strictSame(sqlite.pragma('foreign_key_check'), []);
  }
  t.ok(acknowledged.length > 50, `${acknowledged.length} were acknowledged`);
});

t.test(
  'every 201 was on the disk before it was sent, and simultaneous posts share syncs',
  {
    skip: without('strace'),
  },
  async (t) => {
    const folder = await tempFolder(t);
    const file = join(folder, 'snug.db');
    const trace = join(folder, 'trace');
    // -D: strace runs next to the server, so that signals reach the server; -y: with file names.
    const calls = 'trace=fsync,fdatasync';
    const wrapper = ['strace', '-D', '-f', '-y', '--seccomp-bpf', '-e', calls, '-o', trace];
    const server = await startServer(t, file, { wrapper });
    const { alice, chat } = await startChat(server.url);
    const syncs = () =>
      readFileSync(trace, 'utf8').match(/sync\(\d+<[^>]*-wal>\) += 0/g)?.length ?? 0;

    for (let i = 0; i < 20; i++) {
      const before = syncs();
      t.equal((await alice.send('POST', chat, { content: `${i}` })).status, 201);
      t.ok(syncs() > before, 'in sequence, each has its own');
    }
    const before = syncs();
    for (const answer of await postTogether(server, alice, chat, 64)) {
      t.match(answer, 'HTTP/1.1 201 ');
    }
    const shared = syncs() - before;
    t.comment(`64 posts together: ${shared} syncs`);
    t.ok(shared >= 1 && shared < 32, 'fewer syncs than posts');
    t.equal(await server.end('SIGTERM'), 0);
  },
);
