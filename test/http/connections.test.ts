/** Slow, numerous and late connections, against the program itself. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { readDescriptorLimit, reserved } from '../../src/http/descriptors.ts';
import type { RemotePerson, ServerProcess } from '../helpers/server.ts';
import {
  type Connection,
  closed,
  descriptors,
  dial,
  dialMany,
  eventsOf,
  health,
  heap,
  makeUsers,
  residence,
  servesNewUser,
  start,
  startChat,
  until,
  withDescriptors,
} from '../helpers/sockets.ts';
import { addressOf, cookieOf } from '../helpers/sse.ts';
import { without } from '../helpers/tools.ts';
import { startCast, startWorld } from '../helpers/world.ts';

/** SLOW_RUNS=1 opens 10,000 streams, and waits until the slow clients are really cut off. */
const isThorough = process.env.SLOW_RUNS !== undefined;

/** Before the first slow client is cut off, in ms; on a busy machine it cannot be much sooner. */
const soon = isThorough ? 1_000 : 8_000;

/** Asserts that a new client is served as usual. */
async function serves(t: Test, server: ServerProcess, alice: RemotePerson): Promise<void> {
  const startedAt = performance.now();
  t.equal((await alice.get('/api/chats')).status, 200);
  t.equal((await fetch(`${server.url}/healthz`)).status, 200);
  t.ok(performance.now() - startedAt < soon, 'soon');
  t.notMatch(server.output(), /"level":[56]0/, 'no error in the log');
}

t.test('an overloaded server refuses requests, and recovers', async (t) => {
  const server = await start(t);
  // Before the first sample of the loop's delay there is nothing to compare with.
  await sleep(600);
  const { alice, chat } = await startChat(server);
  const chats = `GET /api/chats HTTP/1.1\r\nHost: x\r\nCookie: ${alice.cookie}\r\n\r\n`;
  const requests = [eventsOf(alice.cookie), chats, health, health];
  const connections = (await dialMany(t, server, requests)) as [
    Connection,
    Connection,
    Connection,
    Connection,
  ];
  const [stream, late, alive, back] = connections;
  t.match(late.text, /^HTTP\/1.1 200 /);
  server.child.kill('SIGWINCH');
  await server.wrote(/standing still/);
  late.text = alive.text = back.text = '';
  late.socket.write(chats);
  back.socket.write(eventsOf(alice.cookie));
  alive.socket.write(health);
  // A delay of a second counts; the loop is sampled each half second.
  await sleep(1_600);
  await writeFile(join(dirname(server.file), 'go'), '');
  await until('answers', () => late.text !== '' && alive.text !== '');
  t.match(late.text, /^HTTP\/1.1 503 /);
  t.match(late.text, /\r\nretry-after: [2-5]\r\n/);
  t.match(late.text, '{"error":"The server is busy. Try again in a moment."}');
  t.match(alive.text, /^HTTP\/1.1 200 /, 'a health check is answered');
  await until('the first event', () => back.text.includes('\nid: '));
  t.match(back.text, /^HTTP\/1.1 200 /, 'a stream is admitted');
  while ((await alice.get('/api/chats')).status === 503) await sleep(50);
  t.equal((await alice.send('POST', chat, { content: 'Hi' })).status, 201);
  await until('the message', () => stream.text.includes('"content":"Hi"'));
  t.notMatch(stream.text, 'session.ended', 'the stream has survived');
});

const [streamCount, idleCount] = isThorough ? [10_000, 1_000] : [500, 1_000];
const tooFew = readDescriptorLimit() < streamCount + idleCount + 500 && 'too few descriptors';

t.test('thousands of silent streams are possible', { skip: tooFew }, async (t) => {
  const server = await start(t);
  const { alice, chat } = await startChat(server);
  const cookies = makeUsers(t, server.file, streamCount / 20);
  // What is allocated once, for the first stream, does not count.
  const [own] = (await dialMany(t, server, [eventsOf(alice.cookie)])) as [Connection];
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
    'all are still there',
  );
  for (const { socket } of [own, ...streams, ...idle]) socket.destroy();
  await until('their descriptors', () => descriptors(server) < before.descriptors + 20);
  await serves(t, server, alice);
});

const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;

t.test(
  'the server survives when the system has no descriptor left',
  {
    skip: without('prlimit'),
  },
  async (t) => {
    const server = await start(t);
    const { alice } = await startChat(server);
    const limit = (most: number) =>
      execFileSync('prlimit', ['--pid', String(server.child.pid), `--nofile=${most}:`]);
    limit(descriptors(server) + 3);
    const connections = await Promise.all(Array.from({ length: 30 }, () => dial(t, server)));
    await until('20 ends', () => connections.filter(({ socket }) => socket.destroyed).length >= 20);
    limit(4_096);
    for (const { socket } of connections) socket.destroy();
    await serves(t, server, alice);
    t.equal(server.child.exitCode, null);
  },
);

t.test('too high a number of connections is logged once a minute', async (t) => {
  const logged: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) });
  const world = await startWorld(t, {}, { logger });
  const { server } = world.app;
  const most = Math.min(12_000, readDescriptorLimit() - reserved);
  t.equal(server.maxConnections, most + 1, 'one more arrives, and another one is closed');
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

t.test('slow readers and writers are cut off', async (t) => {
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
  const [polite] = (await dialMany(t, { url }, [health])) as [Connection];
  const slow = await Promise.all(
    [start, start + body, start + chunked].map((bytes) => dial(t, { url }, bytes)),
  );
  const startedCount = () => arrived.filter(({ bytesRead }) => bytesRead > 0).length;
  await until('their first bytes', () => startedCount() === 1 + slow.length);
  const silent = await dial(t, { url });
  // Only now, so that earlier delays of a busy machine do not matter.
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
  t.equal(silent.text, '', 'without a request there is no answer');
  t.match(polite.text, / 200 OK/);
  t.notOk(polite.socket.closed, 'a client that asked in time may stay');
});

t.test('an answer that nobody reads is not held for ever', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const world = await startCast(t);
  const { app, alice, chat } = world;
  const url = await addressOf(world);
  // A page is 256 KB; this many of them are more than the system itself buffers for a reader.
  await Promise.all(Array.from({ length: 100 }, () => alice.send(chat, '\u{1f600}'.repeat(4000))));
  const get = `GET ${chat}?limit=100 HTTP/1.1\r\nHost: x\r\nCookie: ${cookieOf(alice)}\r\n\r\n`;
  const connections: Record<string, Connection> = {};
  const ends: Record<string, Socket> = {};
  for (const name of ['none', 'dripping', 'good']) {
    app.server.once('connection', (socket) => (ends[name] = socket));
    connections[name] = await dial(t, { url });
    if (name !== 'good') connections[name]?.socket.pause();
    connections[name]?.socket.write(get.repeat(name === 'good' ? 1 : 60));
  }
  const { none, dripping, good } = ends as Record<string, Socket>;
  await until('full connections', () => Boolean(none?.writableLength && dripping?.writableLength));
  const isTaken = () =>
    good?.writableLength === 0 && (connections.good?.text.length ?? 0) > 100_000;
  await until('a page', isTaken);
  const tick = async () => {
    mock.timers.tick(60_000);
    connections.dripping?.socket.read(1);
    await sleep(50);
  };
  await tick();
  t.notOk(none?.destroyed, 'not at once');
  // On a busy machine an answer may still be on its way at the second check.
  for (let i = 0; i < 100 && !(none?.destroyed && dripping?.destroyed); i++) await tick();
  t.ok(none?.destroyed, 'a client that reads nothing');
  t.ok(dripping?.destroyed, 'a client that reads next to nothing');
  t.notOk(good?.destroyed, 'not a client that has read it');
  t.equal((await alice.get('/api/chats')).status, 200);
});

t.test('the server does not wait for the end of an endless body', async (t) => {
  const server = await start(t);
  const { alice, chat } = await startChat(server);
  const before = residence(server);
  const head = `POST ${chat} HTTP/1.1\r\nHost: x\r\nCookie: ${alice.cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
  const endless = `${head}Transfer-Encoding: chunked\r\n\r\n`;
  const connection = await dial(t, server, endless + chunk.repeat(5));
  await closed(connection);
  t.match(connection.text, /^HTTP\/1.1 413 /);
  // A client that keeps sending may not get to read that: the reset overtakes it.
  const { socket } = await dial(t, server, endless);
  const sending = setInterval(() => socket.write(chunk), 1);
  await closed({ socket });
  clearInterval(sending);
  t.ok(socket.bytesWritten < 64 * 2 ** 20, `${socket.bytesWritten} bytes were sent`);
  t.ok(residence(server) - before < 64 * 2 ** 20, 'little of it was buffered');
  await serves(t, server, alice);
});

t.test('badly ended connections leave nothing behind', async (t) => {
  const server = await start(t);
  const { alice, chat } = await startChat(server);
  const before = descriptors(server) + 4;
  const post = `POST ${chat} HTTP/1.1\r\nHost: x\r\nCookie: ${alice.cookie}\r\nContent-Length: 999\r\n\r\ncontent=`;
  const get = `GET ${chat} HTTP/1.1\r\nHost: x\r\nCookie: ${alice.cookie}\r\n\r\n`;
  const starts = ['', post, get, eventsOf(alice.cookie), '\x16\x03\x01 no HTTP'];
  const leave: ((socket: Socket) => void)[] = [
    (socket) => socket.destroy(),
    (socket) => socket.end(),
    (socket) => socket.resetAndDestroy(),
  ];
  const round = async (count: number) => {
    for (let i = 0; i < count; i += 60) {
      const some = Array.from({ length: 60 }, async (_, k) => {
        const { socket } = await dial(t, server, starts[k % starts.length]);
        leave[k % leave.length]?.(socket);
        await closed({ socket });
      });
      await Promise.all(some);
    }
    await until('their descriptors', () => descriptors(server) <= before);
    return heap(server);
  };
  const count = isThorough ? 10_000 : 600;
  // Once, for what is allocated the first time.
  await round(count);
  const settled = await round(count);
  const each = ((await round(count)) - settled) / count;
  t.ok(each < 256, `${each} bytes are left of each`);
  await serves(t, server, alice);
});

t.test('slow clients delay nobody else', async (t) => {
  const server = await start(t);
  const { alice } = await startChat(server);
  const before = descriptors(server);
  const post = 'POST /api/login HTTP/1.1\r\nHost: x\r\n';
  const type = 'Content-Type: application/x-www-form-urlencoded\r\n';
  const file = 'GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n';
  const ways = [post, `${post}${type}Content-Length: 99\r\n\r\nname=`, file];
  const slow = await Promise.all(
    Array.from({ length: 300 }, async (_, i) => {
      const connection = await dial(t, server);
      connection.socket.pause().write(ways[i % ways.length] ?? '');
      return connection;
    }),
  );
  // One or two of the earlier connections may end meanwhile.
  const areThere = () => descriptors(server) >= before + 0.9 * slow.length;
  await until('all of them', areThere);
  await serves(t, server, alice);
  t.ok(areThere(), 'while all of them are open');
  for (const { socket } of slow) socket.destroy();
  await until('their descriptors', () => descriptors(server) < before + 20);
  await serves(t, server, alice);
});

/** Headers are cut off after 10 s, bodies after 30 s; a slow reader has two minutes. */
const seconds = isThorough ? 45 : 12;

t.test(
  'slowhttptest: in all its modes slow clients are cut off, and new clients are served',
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
    // Slow reads and ranges fit into the system's buffers, and end soon.
    await until('slow headers and bodies', () => descriptors(server) > before + 1.5 * count);
    for (const name of ['alice', 'bob', 'carol']) await servesNewUser(t, server, name);
    await Promise.all(runs);
    await until('their descriptors', () => descriptors(server) < before + 20);
    await servesNewUser(t, server, 'dave');
    t.notMatch(server.output(), /"level":[56]0/, 'no error in the log');
  },
);
