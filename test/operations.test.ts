/** The effects of a machine on a running server: signals, memory, clock, language. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { damage, query } from './helpers/rows.ts';
import { RemotePerson, startServer } from './helpers/server.ts';
import { without } from './helpers/tools.ts';
import { tempFolder } from './helpers/world.ts';

type Options = Parameters<typeof startServer>[2];

/** alice, signed in, and a chat of hers. */
async function startTalk(t: Test, options: Options) {
  const file = join(await tempFolder(t), 'snug.db');
  const server = await startServer(t, file, options);
  const alice = await new RemotePerson(server.url).register('alice');
  const made = await alice.send('POST', '/api/chats', { title: 'Sunday hike' });
  const chat = String(made.headers.get('location'));
  const post = async (content: string) => (await alice.send('POST', chat, { content })).status;
  return { file, server, alice, chat, post };
}

t.test('irrelevant signals do no harm', async (t) => {
  const { file, server, post } = await startTalk(t, { nodeArgs: ['--disable-sigusr1'] });
  for (const signal of ['SIGPIPE', 'SIGUSR1', 'SIGWINCH', 'SIGSTOP', 'SIGCONT'] as const) {
    server.child.kill(signal);
    // Time for them to take effect; while it is stopped, it answers nobody.
    await sleep(100);
    if (signal !== 'SIGSTOP') t.equal(await post(signal), 201);
  }
  t.notMatch(server.output(), /debugger|inspector/i, 'no debugger can attach');
  t.equal(await server.end('SIGHUP'), 0, 'its terminal is gone: it stops in order');
  t.notOk(existsSync(`${file}-wal`));
});

t.test('the documented ways to start disable debuggers', async (t) => {
  const scripts = JSON.parse(await readFile('package.json', 'utf8')).scripts;
  const unit = await readFile('docs/operating.md', 'utf8');
  t.match(scripts.start, ' --disable-sigusr1 ');
  t.match(/^ExecStart=.*$/m.exec(unit)?.[0], ' --disable-sigusr1 ');
});

t.test('a server that runs out of memory ends, and has lost nothing', async (t) => {
  const hoard = 'const all = []; for (;;) all.push(new Array(1e5).fill({}).map(() => ({})))';
  const onSignal = `data:text/javascript,process.on('SIGWINCH', () => { ${hoard} })`;
  const { file, server, post } = await startTalk(t, {
    wrapper: ['sh', '-c', 'ulimit -c 0; exec "$@"', 'sh'],
    nodeArgs: ['--max-old-space-size=48', '--import', onSignal],
  });
  for (let i = 0; i < 5; i++) t.equal(await post(`${i}`), 201);
  const lost = Promise.allSettled(Array.from({ length: 8 }, () => post('on the way')));
  t.equal(await server.end('SIGWINCH'), 'SIGABRT');
  t.match(server.errors(), 'heap out of memory');
  await lost;
  const again = await startServer(t, file);
  t.equal((await fetch(`${again.url}/healthz`)).status, 200);
  const texts = query(file, 'select content from messages order by id limit 5');
  t.strictSame(
    texts.map(({ content }) => content),
    ['0', '1', '2', '3', '4'],
  );
  t.strictSame(damage(file), []);
});

t.test('names and times are the same in every locale and time zone', async (t) => {
  const env = { LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', TZ: 'Asia/Kathmandu' };
  const { server, alice, chat, post } = await startTalk(t, { env });
  const person = await new RemotePerson(server.url).register('ISTANBUL');
  t.equal((await alice.get('/api/user?name=istanbul')).status, 200, 'I is the capital of i');
  const login = { name: 'Istanbul', password: 'correct horse battery' };
  t.equal((await person.send('POST', '/api/login', login)).status, 200);
  const before = Date.now();
  t.equal(await post('Hi'), 201);
  const { messages } = (await (await alice.get(chat)).json()) as { messages: { time: string }[] };
  const time = String(messages[0]?.time);
  t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  t.ok(Date.parse(time) >= before && Date.parse(time) <= Date.now(), 'in UTC');
});

/** libfaketime's library, which takes a process's clock from a file. */
function fakeClock(): string {
  const ask = ['-m', 'now', 'printenv', 'LD_PRELOAD'];
  return execFileSync('faketime', ask, { encoding: 'utf8' }).trim();
}

t.test(
  'setting the clock signs nobody out permanently, and changes no order',
  { skip: without('faketime') },
  async (t) => {
    const setting = join(await tempFolder(t), 'clock');
    await writeFile(setting, '+0');
    const fake = {
      LD_PRELOAD: fakeClock(),
      FAKETIME_TIMESTAMP_FILE: setting,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
    const wrapper = ['env', ...Object.entries(fake).map((pair) => pair.join('='))];
    const { alice, chat, post } = await startTalk(t, { wrapper });
    t.equal(await post('now'), 201);
    await writeFile(setting, '-1h');
    t.equal(await post('an hour ago'), 201);
    await writeFile(setting, '+10y');
    t.equal(await post('in ten years'), 403);
    await writeFile(setting, '1970-01-02 00:00:00');
    t.equal(await post('long ago'), 201);
    await writeFile(setting, '+0');
    t.equal(await post('now again'), 201);
    const { messages } = (await (await alice.get(chat)).json()) as {
      messages: { content: string; time: string }[];
    };
    t.strictSame(
      messages.map(({ content }) => content),
      ['now', 'an hour ago', 'long ago', 'now again'],
    );
    const [now = 0, before = 0, long = 0] = messages.map(({ time }) => Date.parse(time));
    t.ok(now - before > 3_500_000 && long < 2 * 24 * 3_600_000, 'the clock was set');
  },
);
