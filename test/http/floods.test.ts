/** Too much at once, against the program itself: requests, answers that nobody reads, connections. */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { peerReader } from '../../src/http/connection.ts';
import { ConnectionTable } from '../../src/http/connection-table.ts';
import { limitsFor } from '../../src/http/connections.ts';
import { Unsent } from '../../src/http/unsent.ts';
import { spawnSnug } from '../helpers/server.ts';
import {
  closed,
  descriptors,
  dial,
  eventsOf,
  health,
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
import { startCast, tempFolder } from '../helpers/world.ts';

const MiB = 2 ** 20;

/** A request for a path with somebody's cookies. */
const get = (path: string, cookie = '') =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\n${cookie && `Cookie: ${cookie}\r\n`}\r\n`;

/** How many answers have come, and the ids that they name. */
const idsIn = ({ text }: Line) => [...text.matchAll(/"id":(\d+)/g)].map(([, id]) => Number(id));

t.test('one connection that asks for everything at once takes little memory', async (t) => {
  const server = await start(t);
  const { alice, chat } = await startChat(server);
  // Each of these is written as 24,000 bytes.
  const heavy = '\u0001'.repeat(3_999);
  const post = () => alice.send('POST', chat, { content: `x${heavy}` });
  for (let i = 0; i < 4; i++) await Promise.all(Array.from({ length: 50 }, post));
  const page = get(`${chat}?limit=200`, alice.cookie);
  await (await alice.get(`${chat}?limit=200`)).arrayBuffer();
  const before = residence(server);
  const one = await dial(t, server);
  one.socket.pause().write(page.repeat(400));
  // The system's own memory for a connection holds a few answers.
  await until('a full line', () => one.socket.bytesRead > 0 || one.socket.readableLength > 0);
  const waits: number[] = [];
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    t.equal((await fetch(`${server.url}/healthz`)).status, 200);
    waits.push(performance.now() - began);
  }
  // The best ones: how late the others are depends on what else the machine does.
  t.ok(Number(waits.sort((a, b) => a - b)[4]) < 250, 'health is answered soon');
  const grown = residence(server) - before;
  t.ok(grown < 50 * MiB, `${Math.round(grown / MiB)} MiB for one connection`);
  t.notOk(one.socket.destroyed, 'it waits');
  await welcomes(t, server, 'bob');
});

t.test('what is asked at once is served one after another, in order', async (t) => {
  const world = await startCast(t);
  const { app, alice, chat } = world;
  let inWork = 0;
  let most = 0;
  app.addHook('onRequest', async () => {
    inWork += 1;
    most = Math.max(most, inWork);
  });
  app.addHook('onResponse', async () => {
    inWork -= 1;
  });
  const ids: number[] = [];
  for (let i = 0; i < 5; i++) ids.push(await alice.send(chat, `m${i}`));
  const cookie = cookieOf(alice);
  const url = await addressOf(world);
  const order = Array.from({ length: 300 }, (_, i) => ids[(i * 7) % 5] as number);
  const line = await dial(t, { url });
  line.socket.write(order.map((id) => get(`${chat}/messages/${id}`, cookie)).join(''));
  await until('all answers', () => idsIn(line).length === order.length);
  t.strictSame(idsIn(line), order);
  t.equal(most, 1, 'one at a time');
});

t.test('what is behind another request waits with its body, and is not lost', async (t) => {
  const world = await startCast(t);
  const { alice, chat } = world;
  const cookie = cookieOf(alice);
  const post = (content: string, connection = 'keep-alive') =>
    `POST ${chat} HTTP/1.1\r\nHost: x\r\nConnection: ${connection}\r\nCookie: ${cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${content.length + 8}\r\n\r\ncontent=${content}`;
  const { socket } = await dial(t, { url: await addressOf(world) });
  const whole = get('/healthz').repeat(3) + post('one') + post('two') + post('three', 'close');
  // In the middle of a body.
  socket.write(whole.slice(0, whole.indexOf('two') + 1));
  await until('the first answers', () => socket.bytesRead > 0);
  socket.write(whole.slice(whole.indexOf('two') + 1));
  await closed({ socket });
  const { messages } = (await alice.get(chat)).body;
  t.strictSame(
    messages.map(({ content }: { content: string }) => content),
    ['one', 'two', 'three'],
  );
});

t.test('a connection with too many requests that wait is ended', async (t) => {
  const server = await start(t);
  const { alice, chat } = await startChat(server);
  // A stream is never over, so what is behind it waits for ever.
  const [few, many] = await Promise.all([
    dial(t, server, eventsOf(alice.cookie) + get('/x').repeat(400)),
    dial(t, server, eventsOf(alice.cookie) + get('/x').repeat(1_500)),
  ]);
  await closed(many);
  await alice.send('POST', chat, { content: 'Hi' });
  await until('the message', () => few.text.includes('"content":"Hi"'));
  t.notMatch(few.text, '404', 'what waits is not begun');
  // Each may wait, but not all of them.
  const waiting = get('/x').repeat(490);
  const before = residence(server);
  const users = makeUsers(t, server.file, 2);
  const lines = await Promise.all(
    Array.from({ length: 30 }, (_, i) => dial(t, server, eventsOf(users[i % 2] ?? '') + waiting)),
  );
  await until('some ends', () => lines.filter(({ socket }) => socket.closed).length >= 10);
  t.ok(residence(server) - before < 50 * MiB, 'little memory');
  await welcomes(t, server, 'bob');
});

t.test('answers that nobody takes are bounded by user, and in all', (t) => {
  const unsent = new Unsent();
  const cut: string[] = [];
  const open = (owner: number, name: string, bytes: number) => {
    const counter = unsent.open(owner, () => cut.push(name));
    counter.set(bytes);
    return counter;
  };
  for (let i = 1; i <= 8; i++) open(1, `a${i}`, MiB);
  t.strictSame(cut, []);
  const ninth = open(1, 'a9', MiB);
  t.strictSame(cut, ['a1'], 'the oldest goes');
  ninth.set(2 * MiB);
  t.strictSame(cut, ['a1', 'a2']);
  ninth.close();
  ninth.close();
  ninth.set(9 * MiB);
  t.equal(unsent.total, 6 * MiB, 'what is over counts no more');
  for (let user = 2; user < 20; user++) open(user, `of ${user}`, 3 * MiB);
  t.equal(unsent.total, 60 * MiB);
  cut.length = 0;
  open(20, 'of 20', 5 * MiB);
  t.strictSame(cut, ['a3'], 'of who has the most');
  t.equal(unsent.total, 64 * MiB);
  open(21, 'huge', 20 * MiB);
  t.ok(unsent.total <= 64 * MiB);
  t.end();
});

t.test('a user who reads nothing on many connections is cut off', async (t) => {
  const server = await start(t);
  const { alice, chat } = await startChat(server);
  const heavy = '\u0001'.repeat(3_999);
  for (let i = 0; i < 8; i++) await alice.send('POST', chat, { content: `x${heavy}` });
  // A stream that nobody reads counts as well.
  const page = get(`${chat}?limit=8`, alice.cookie);
  const before = residence(server);
  const lines: Line[] = [];
  for (let i = 0; i < 100; i++) {
    const line = await dial(t, server);
    // Some answers are in the system's memory, the next one waits in the server's.
    line.socket.pause().write(page.repeat(60));
    lines.push(line);
  }
  await until('ends', () => {
    for (const { socket } of lines) socket.read(0);
    return descriptors(server) < 90;
  });
  t.ok(residence(server) - before < 50 * MiB);
  t.equal((await alice.get(chat)).status, 200, 'and is served again at once');
});

/** A socket as the table of connections knows it. */
class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  destroyed = false;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

/** A table with 40 connections, of which 8 are for this machine, and at most 5 from an address. */
function fakeTable() {
  const limits = { most: 40, reservedForLocal: 8, share: 5 };
  const table = new ConnectionTable(limits, peerReader(['10.0.0.0/8', 'fd00::1']));
  const add = (address: string) => {
    const socket = new FakeSocket(address);
    const overflow = table.add(socket as unknown as Socket);
    const connection = table.find(socket as unknown as Socket);
    return { socket, overflow, connection };
  };
  const addMany = (count: number, address: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => add(address(i)));
  const open = (all: readonly { socket: FakeSocket }[]) =>
    all.filter(({ socket }) => !socket.destroyed).length;
  return { table, add, addMany, open };
}

t.test('an address has its share of the connections, and no more', (t) => {
  t.strictSame(limitsFor(20_000), { most: 12_000, reservedForLocal: 16, share: 1_500 });
  t.strictSame(limitsFor(1_024), { most: 976, reservedForLocal: 16, share: 122 });
  const { addMany, add, open } = fakeTable();
  const first = addMany(5, () => '192.0.2.1');
  first[1]?.connection?.touch();
  if (first[0]?.connection !== undefined) first[0].connection.hasSession = true;
  const more = addMany(3, () => '192.0.2.1');
  t.strictSame(
    first.map(({ socket }) => socket.destroyed),
    [false, false, true, true, true],
    'the longest idle go, without a session first',
  );
  t.strictSame(
    more.map(({ overflow }) => overflow),
    ['evicted', 'evicted', 'evicted'],
  );
  // An IPv6 network counts as one, IPv4 in IPv6 as IPv4; this machine and proxies as nobody.
  t.equal(open(addMany(9, (i) => `2001:db8::${i + 1}`)), 5);
  t.equal(open(addMany(2, (i) => `2001:db8:0:${i + 1}::1`)), 2);
  t.equal(add('::ffff:192.0.2.1').overflow, 'evicted');
  t.equal(open(addMany(7, () => '::1')), 7);
  t.equal(open(addMany(7, () => '10.1.2.3')), 7);
  t.equal(add('fe80::1%eth0').overflow, undefined);
  t.end();
});

t.test('when all connections are taken, the one that is missed least goes', (t) => {
  const { table, add, addMany, open } = fakeTable();
  const proxies = addMany(10, (i) => (i % 2 ? '10.0.0.1' : 'fd00::1'));
  const streams = addMany(10, (i) => `192.0.2.${i}`);
  for (const { connection } of streams) {
    Object.assign(connection ?? {}, { hasSession: true, current: {} });
  }
  const idle = addMany(2, (i) => `198.51.100.${i}`);
  for (const { connection } of idle) Object.assign(connection ?? {}, { hasSession: true });
  const strangers = addMany(10, (i) => `203.0.113.${i}`);
  // Slow to send or to read: in work, but without a session.
  Object.assign(strangers[0]?.connection ?? {}, { current: {} });
  strangers[1]?.connection?.touch();
  const next = () => add('203.0.113.99').overflow;
  t.equal(next(), 'evicted');
  t.ok(strangers[0]?.socket.destroyed, 'the stranger who was idle for longest');
  strangers[2]?.connection?.touch();
  next();
  t.ok(strangers[3]?.socket.destroyed, 'not who has asked meanwhile');
  addMany(4, () => '203.0.113.98');
  t.equal(open(idle), 2);
  for (const { socket, connection } of strangers) if (!socket.destroyed) mark(connection);
  for (const socket of table.sockets) {
    const connection = table.find(socket);
    if (!connection?.peer.isProxy) mark(connection);
  }
  Object.assign(idle[1]?.connection ?? {}, { current: undefined });
  t.equal(next(), 'evicted');
  t.ok(idle[1]?.socket.destroyed, 'then who is idle with a session');
  const last = [...table.sockets].at(-1);
  mark(last && table.find(last));
  t.equal(next(), 'refused', 'and never a stream');
  t.equal(open(proxies), 10);
  t.equal(open(streams), 10);
  t.strictSame(
    addMany(9, () => '127.0.0.1').map(({ overflow }) => overflow),
    [...Array(8).fill(undefined), 'evicted'],
    'some are left for this machine',
  );
  t.end();

  function mark(connection: ReturnType<typeof table.find>) {
    Object.assign(connection ?? {}, { hasSession: true, current: {} });
  }
});

t.test('with few descriptors the idle make room, and nothing else fails', async (t) => {
  const server = await start(t, { wrapper: withDescriptors(128) });
  const { alice } = await startChat(server);
  const lines: Line[] = [];
  for (let i = 0; i < 200; i++) lines.push(await dial(t, server));
  const areOver = () => lines.filter(({ socket }) => socket.closed).length >= 120;
  await until('120 ends', areOver);
  for (const path of ['/', '/docs', '/icon.svg', '/healthz', '/docs/swagger-ui.css']) {
    const line = await dial(t, server, get(path));
    await until(path, () => line.text.includes('\r\n\r\n'));
    t.match(line.text, /^HTTP\/1.1 200 /, path);
  }
  t.equal((await alice.get('/api/chats')).status, 200);
  await welcomes(t, server, 'bob');
  t.ok(descriptors(server) < 128);
  await server.wrote(/idle ones are closed to make room/);
  t.equal(
    server.output().split('idle ones are closed to make room').length,
    2,
    'one line in the log',
  );
  t.notMatch(server.output(), /"level":[56]0/, 'no error in the log');
});

t.test('when nobody is idle, new connections are turned away', async (t) => {
  const server = await start(t, { wrapper: withDescriptors(128) });
  const { alice, chat } = await startChat(server);
  const cookies = makeUsers(t, server.file, 4);
  const open = async (cookie: string) => {
    const line = await dial(t, server, eventsOf(cookie));
    await until('its first event', () => line.text.includes('\nid: '));
    return line;
  };
  const streams: Line[] = [];
  for (let i = 0; i < 80; i++) streams.push(await open(cookies[i % 4] ?? ''));
  await closed(await dial(t, server, health));
  await closed(await dial(t, server, health));
  await server.wrote(/new ones are turned away/);
  t.equal(server.output().split('new ones are turned away').length, 2, 'one line in the log');
  t.notOk(
    streams.some(({ socket }) => socket.destroyed),
    'the streams stay',
  );
  const full = descriptors(server);
  streams[0]?.socket.destroy();
  await until('room', () => descriptors(server) < full);
  t.equal((await alice.send('POST', chat, { content: 'Hi' })).status, 201);
});

t.test('with fewer than 128 descriptors the start is refused', async (t) => {
  const env = { DATABASE_URL: join(await tempFolder(t), 'snug.db') };
  const few = spawnSnug(t, { wrapper: withDescriptors(127), env });
  t.equal(await few.exited, 1);
  t.equal(
    few.output(),
    'snug: The system allows this process only 127 open files and connections; Snug needs at least 128. Raise the limit: "ulimit -n 1024", or "LimitNOFILE=1024" in the unit.\n',
  );
});

/** An address of this machine that is not the loopback's; connections from it come from it. */
const ownAddress = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

t.test(
  'who takes all the connections there are keeps nobody else out',
  { skip: ownAddress === undefined && 'no address but the loopback’s' },
  async (t) => {
    const env = { HOST: '0.0.0.0' };
    const server = await start(t, { wrapper: withDescriptors(1_024), env });
    const before = descriptors(server);
    const attacker = { url: server.url, host: ownAddress ?? '' };
    const lines: Line[] = [];
    for (let i = 0; i < 1_200; i += 100) {
      const some = Array.from({ length: 100 }, () => dial(t, attacker, health));
      lines.push(...(await Promise.all(some)));
    }
    await until('the share', () => descriptors(server) <= before + 125);
    const isOpen = ({ socket }: Line) => !socket.closed;
    await until('the other ends', () => lines.filter(isOpen).length <= 122);
    t.ok(lines.filter(isOpen).length > 100, 'it has its share');
    const local = { ...server, url: server.url.replace('0.0.0.0', '127.0.0.1') };
    await welcomes(t, local, 'bob');
    t.notMatch(server.output(), /"level":[56]0/, 'no error in the log');
  },
);

/** Every page and file that a stranger gets. */
const publicPaths = ['/', '/docs', '/docs/swagger-ui-bundle.js', '/openapi.json', '/icon-512.png'];

t.test('strangers who ask for everything at once take few descriptors', async (t) => {
  const server = await start(t, { wrapper: withDescriptors(1_024) });
  // Soon after the start: nobody has written anything yet. What the first thousands of requests take
  // in memory, the program takes for anybody's.
  const first = Array.from({ length: 10 }, () => dial(t, server, health.repeat(400)));
  const answers = ({ text }: Line) => text.split('HTTP/1.1 200').length - 1;
  const lines = await Promise.all(first);
  await until('the first answers', () => lines.every((line) => answers(line) === 400));
  for (const { socket } of lines) socket.destroy();
  await until('their end', () => lines.every(({ socket }) => socket.closed));
  const before = descriptors(server);
  let held = residence(server);
  for (const path of publicPaths) {
    const sockets: Socket[] = [];
    for (let i = 0; i < 10; i++) {
      const { socket } = await dial(t, server);
      socket.pause().write(get(path).repeat(400));
      sockets.push(socket);
    }
    t.equal((await fetch(`${server.url}/healthz`)).status, 200);
    const more = descriptors(server) - before;
    t.ok(more < 100, `${path}: ${more} descriptors more`);
    const grown = Math.round((residence(server) - held) / MiB);
    // A tenth of what it took when all were begun at once.
    t.ok(grown < 50, `${path}: ${grown} MiB more`);
    await welcomes(t, server, `who saw ${publicPaths.indexOf(path)}`);
    for (const socket of sockets) socket.destroy();
    held = residence(server);
  }
  t.equal(server.child.exitCode, null);
});
