/** Bad manners on the wire, against the program itself: who is slow, who is many, who is late. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import type { RemotePerson, ServerProcess } from '../helpers/server.ts';
import {
  closed,
  descriptors,
  dial,
  dialMany,
  eventsOf,
  health,
  heap,
  type Line,
  makeUsers,
  residence,
  start,
  startChat,
  until,
  welcomes,
  withDescriptors,
} from '../helpers/sockets.ts';
import { addressOf, cookieOf } from '../helpers/sse.ts';
import { without } from '../helpers/tools.ts';
import { startCast, startWorld } from '../helpers/world.ts';

/** SLOW_RUNS=1 opens 10,000 streams, and waits until the slow are cut off for real. */
const isThorough = process.env.SLOW_RUNS !== undefined;

/** In ms: sooner than the first of the slow is cut off; how much sooner, a busy machine cannot tell. */
const soon = isThorough ? 1_000 : 8_000;

/** Asserts that whoever comes now is served as ever. */
async function serves(t: Test, server: ServerProcess, alice: RemotePerson): Promise<void> {
  const began = performance.now();
  t.equal((await alice.get('/api/chats')).status, 200);
  t.equal((await fetch(`${server.url}/healthz`)).status, 200);
  t.ok(performance.now() - began < soon, 'soon');
  t.notMatch(server.output(), /"level":[56]0/, 'no error in the log');
}

t.test('while it is behind, the server refuses what comes, and then is itself again', async (t) => {
  const server = await start(t);
  // Before the first look at the loop there is nothing to compare with.
  await sleep(600);
  const { alice, chat } = await startChat(server);
  const chats = `GET /api/chats HTTP/1.1\r\nHost: x\r\nCookie: ${alice.cookie}\r\n\r\n`;
  const requests = [eventsOf(alice.cookie), chats, health, health];
  const lines = (await dialMany(t, server, requests)) as [Line, Line, Line, Line];
  const [stream, late, alive, back] = lines;
  t.match(late.text, /^HTTP\/1.1 200 /);
  server.child.kill('SIGWINCH');
  await server.wrote(/standing still/);
  late.text = alive.text = back.text = '';
  late.socket.write(chats);
  back.socket.write(eventsOf(alice.cookie));
  alive.socket.write(health);
  // A second late counts; the loop is looked at each half second.
  await sleep(1_600);
  await writeFile(join(dirname(server.file), 'go'), '');
  await until('answers', () => late.text !== '' && alive.text !== '');
  t.match(late.text, /^HTTP\/1.1 503 /);
  t.match(late.text, /\r\nretry-after: [2-5]\r\n/);
  t.match(late.text, '{"error":"The server is busy. Try again in a moment."}');
  t.match(alive.text, /^HTTP\/1.1 200 /, 'who watches over it is answered');
  await until('the first event', () => back.text.includes('\nid: '));
  t.match(back.text, /^HTTP\/1.1 200 /, 'a stream is let in');
  while ((await alice.get('/api/chats')).status === 503) await sleep(50);
  t.equal((await alice.send('POST', chat, { content: 'Hi' })).status, 201);
  await until('the message', () => stream.text.includes('"content":"Hi"'));
  t.notMatch(stream.text, 'session.ended', 'the stream has lived through it');
});

/** How many connections this machine lets one process have. */
const { userLimits } = process.report.getReport() as {
  userLimits?: { open_files: { soft: number } };
};
const [streamCount, idleCount] = isThorough ? [10_000, 1_000] : [500, 1_000];
const tooFew =
  Number(userLimits?.open_files.soft) < streamCount + idleCount + 500 && 'too few descriptors';

t.test('thousands may stay and say nothing', { skip: tooFew }, async (t) => {
  const server = await start(t);
  const { alice, chat } = await startChat(server);
  const cookies = makeUsers(t, server.file, streamCount / 20);
  // What is made once, for the first stream, counts for none.
  const [own] = (await dialMany(t, server, [eventsOf(alice.cookie)])) as [Line];
  const before = {
    descriptors: descriptors(server),
    heap: await heap(server),
    residence: residence(server),
  };
  const ofEach = cookies.flatMap((cookie) => Array(20).fill(eventsOf(cookie)) as string[]);
  const streams = await dialMany(t, server, ofEach);
  await until('their first events', () => streams.every(({ text }) => text.includes('\nid: ')));
  const each = ((await heap(server)) - before.heap) / streamCount;
  const resident = (residence(server) - before.residence) / streamCount;
  t.comment(`for each of ${streamCount} streams ${kib(each)} on the heap, ${kib(resident)} in all`);
  t.ok(each < 12 * 1024, 'little memory for each');
  const idle = await dialMany(t, server, Array(idleCount).fill(health));
  t.ok(descriptors(server) - before.descriptors >= streamCount + idleCount);
  await serves(t, server, alice);
  await alice.send('POST', chat, { content: 'Anybody?' });
  await until('the message', () => own.text.includes('Anybody?'));
  t.notOk(
    [...streams, ...idle].some(({ socket }) => socket.destroyed),
    'all are there still',
  );
  for (const { socket } of [own, ...streams, ...idle]) socket.destroy();
  await until('their descriptors', () => descriptors(server) < before.descriptors + 20);
  await serves(t, server, alice);
});

const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;

t.test(
  'when the system has no descriptor left, the server lives on',
  {
    skip: without('prlimit'),
  },
  async (t) => {
    const server = await start(t);
    const { alice } = await startChat(server);
    const limit = (most: number) =>
      execFileSync('prlimit', ['--pid', String(server.child.pid), `--nofile=${most}:`]);
    limit(descriptors(server) + 3);
    const lines = await Promise.all(Array.from({ length: 30 }, () => dial(t, server)));
    await until('20 ends', () => lines.filter(({ socket }) => socket.destroyed).length >= 20);
    limit(4_096);
    for (const { socket } of lines) socket.destroy();
    await serves(t, server, alice);
    t.equal(server.child.exitCode, null);
  },
);

t.test('a number that is too high is told of once a minute', async (t) => {
  const logged: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) });
  const world = await startWorld(t, {}, { logger });
  const { server } = world.app;
  const most = Math.min(12_000, Number(userLimits?.open_files.soft) - 48);
  t.equal(server.maxConnections, most + 1, 'one more arrives, and another one goes');
  server.maxConnections = 2;
  const url = await addressOf(world);
  const [first, second] = await dialMany(t, { url }, [health, health]);
  for (let i = 0; i < 20; i++) {
    await closed(await dial(t, { url }, health));
  }
  server.emit('error', Object.assign(new Error('accept ENFILE'), { code: 'ENFILE' }));
  t.match(logged, [`"most":${most},`]);
  t.match(logged, [/new ones are turned away/]);
  t.equal(logged.length, 1);
  first?.socket.destroy();
  second?.socket.destroy();
});

t.test('readers and writers that dawdle are cut off', async (t) => {
  const world = await startCast(t);
  const { server } = world.app;
  const url = await addressOf(world);
  t.equal(server.headersTimeout, 10_000);
  t.equal(server.requestTimeout, 30_000);
  const arrived: Socket[] = [];
  server.on('connection', (socket) => arrived.push(socket));
  const type = 'Content-Type: application/x-www-form-urlencoded\r\n';
  const start = `POST /api/login HTTP/1.1\r\nHost: x\r\n${type}`;
  const body = 'Content-Length: 9999\r\n\r\nname=';
  const chunked = 'Transfer-Encoding: chunked\r\n\r\n9999\r\nname=';
  const [polite] = (await dialMany(t, { url }, [health])) as [Line];
  const slow = await Promise.all(
    [start, start + body, start + chunked].map((bytes) => dial(t, { url }, bytes)),
  );
  const begun = () => arrived.filter(({ bytesRead }) => bytesRead > 0).length;
  await until('their first bytes', () => begun() === 1 + slow.length);
  const silent = await dial(t, { url });
  // Only now: whatever a busy machine makes late so far is not what this is about.
  Object.assign(server, { headersTimeout: 300, requestTimeout: 600 });
  const dripping = setInterval(() => {
    for (const { socket } of slow) socket.write('a');
  }, 50);
  await Promise.all([...slow, silent].map(closed));
  clearInterval(dripping);
  for (const { text } of slow) {
    t.match(text, /^HTTP\/1.1 408 Request Timeout\r\n/);
    t.match(text, '{"error":"The request took too long to arrive. Try again."}');
  }
  t.equal(silent.text, '', 'who has not asked is not answered');
  t.match(polite.text, / 200 OK/);
  t.notOk(polite.socket.closed, 'who has asked in time may stay');
});

t.test('an answer that nobody takes is not kept for ever', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const world = await startCast(t);
  const { app, alice, chat } = world;
  const url = await addressOf(world);
  // A page is 256 KB; so many of them are more than the system itself holds for a reader.
  await Promise.all(Array.from({ length: 100 }, () => alice.send(chat, '\u{1f600}'.repeat(4000))));
  const get = `GET ${chat}?limit=100 HTTP/1.1\r\nHost: x\r\nCookie: ${cookieOf(alice)}\r\n\r\n`;
  const lines: Record<string, Line> = {};
  const ends: Record<string, Socket> = {};
  for (const name of ['none', 'dripping', 'good']) {
    app.server.once('connection', (socket) => (ends[name] = socket));
    lines[name] = await dial(t, { url });
    if (name !== 'good') lines[name]?.socket.pause();
    lines[name]?.socket.write(get.repeat(name === 'good' ? 1 : 60));
  }
  const { none, dripping, good } = ends as Record<string, Socket>;
  await until('full lines', () => Boolean(none?.writableLength && dripping?.writableLength));
  const isTaken = () => good?.writableLength === 0 && (lines.good?.text.length ?? 0) > 100_000;
  await until('a page', isTaken);
  const tick = async () => {
    mock.timers.tick(60_000);
    lines.dripping?.socket.read(1);
    await sleep(50);
  };
  await tick();
  t.notOk(none?.destroyed, 'not at once');
  // On a busy machine an answer may still be on its way at the second look.
  for (let i = 0; i < 100 && !(none?.destroyed && dripping?.destroyed); i++) await tick();
  t.ok(none?.destroyed, 'who takes nothing');
  t.ok(dripping?.destroyed, 'who takes next to nothing');
  t.notOk(good?.destroyed, 'not who has taken it');
  t.equal((await alice.get('/api/chats')).status, 200);
});

t.test('a body without an end is not waited for', async (t) => {
  const server = await start(t);
  const { alice, chat } = await startChat(server);
  const before = residence(server);
  const head = `POST ${chat} HTTP/1.1\r\nHost: x\r\nCookie: ${alice.cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
  const endless = `${head}Transfer-Encoding: chunked\r\n\r\n`;
  const line = await dial(t, server, endless + chunk.repeat(5));
  await closed(line);
  t.match(line.text, /^HTTP\/1.1 413 /);
  // Who goes on sending may not get to read that: the reset overtakes it.
  const { socket } = await dial(t, server, endless);
  const sending = setInterval(() => socket.write(chunk), 1);
  await closed({ socket });
  clearInterval(sending);
  t.ok(socket.bytesWritten < 64 * 2 ** 20, `${socket.bytesWritten} bytes were sent`);
  t.ok(residence(server) - before < 64 * 2 ** 20, 'little of it was kept');
  await serves(t, server, alice);
});

t.test('who comes and goes in every bad way leaves nothing behind', async (t) => {
  const server = await start(t);
  const { alice, chat } = await startChat(server);
  const before = descriptors(server) + 4;
  const post = `POST ${chat} HTTP/1.1\r\nHost: x\r\nCookie: ${alice.cookie}\r\nContent-Length: 999\r\n\r\ncontent=`;
  const get = `GET ${chat} HTTP/1.1\r\nHost: x\r\nCookie: ${alice.cookie}\r\n\r\n`;
  const begin = ['', post, get, eventsOf(alice.cookie), '\x16\x03\x01 no HTTP'];
  const leave: ((socket: Socket) => void)[] = [
    (socket) => socket.destroy(),
    (socket) => socket.end(),
    (socket) => socket.resetAndDestroy(),
  ];
  const round = async (count: number) => {
    for (let i = 0; i < count; i += 60) {
      const some = Array.from({ length: 60 }, async (_, k) => {
        const { socket } = await dial(t, server, begin[k % begin.length]);
        leave[k % leave.length]?.(socket);
        await closed({ socket });
      });
      await Promise.all(some);
    }
    await until('their descriptors', () => descriptors(server) <= before);
    return heap(server);
  };
  const count = isThorough ? 10_000 : 600;
  // Once, for what is made at the first time.
  await round(count);
  const settled = await round(count);
  const each = ((await round(count)) - settled) / count;
  t.ok(each < 256, `${each} bytes are left of each`);
  await serves(t, server, alice);
});

t.test('the slow keep nobody else waiting', async (t) => {
  const server = await start(t);
  const { alice } = await startChat(server);
  const before = descriptors(server);
  const post = 'POST /api/login HTTP/1.1\r\nHost: x\r\n';
  const type = 'Content-Type: application/x-www-form-urlencoded\r\n';
  const file = 'GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n';
  const ways = [post, `${post}${type}Content-Length: 99\r\n\r\nname=`, file];
  const slow = await Promise.all(
    Array.from({ length: 300 }, async (_, i) => {
      const line = await dial(t, server);
      line.socket.pause().write(ways[i % ways.length] ?? '');
      return line;
    }),
  );
  // A connection or two that were there before may end meanwhile.
  const areThere = () => descriptors(server) >= before + 0.9 * slow.length;
  await until('all of them', areThere);
  await serves(t, server, alice);
  t.ok(areThere(), 'while all of them are there');
  for (const { socket } of slow) socket.destroy();
  await until('their descriptors', () => descriptors(server) < before + 20);
  await serves(t, server, alice);
});

/** Headers are cut off after 10 s, bodies after 30 s; who reads slowly has two minutes. */
const seconds = isThorough ? 45 : 12;

t.test(
  'slowhttptest: in all its modes the slow are cut off, and newcomers are served',
  { skip: without('slowhttptest'), buffered: true },
  async (t) => {
    const server = await start(t, { wrapper: withDescriptors(1_024) });
    const before = descriptors(server);
    const count = isThorough ? 1_000 : 240;
    const runs = ['-H', '-B', '-X', '-R'].map(async (mode) => {
      const load = ['-c', count, '-r', count, '-i', 1, '-l', seconds, '-x', 10, '-w', 1, '-y', 2];
      const path = mode === '-B' ? '/api/login' : '/docs/swagger-ui-bundle.js';
      const args = [mode, '-u', `${server.url}${path}`, ...load.map(String)];
      await once(spawn('slowhttptest', args, { stdio: 'ignore' }), 'close');
    });
    // What is read slowly or in ranges fits into the system's memory, and is over soon.
    await until('slow headers and bodies', () => descriptors(server) > before + 1.5 * count);
    for (const name of ['alice', 'bob', 'carol']) await welcomes(t, server, name);
    await Promise.all(runs);
    await until('their descriptors', () => descriptors(server) < before + 20);
    await welcomes(t, server, 'dave');
    t.notMatch(server.output(), /"level":[56]0/, 'no error in the log');
  },
);
