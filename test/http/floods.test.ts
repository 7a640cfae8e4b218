/** Floods against the program itself: requests, unread answers, connections. */
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
  type Connection,
  closed,
  descriptors,
  dial,
  eventsOf,
  health,
  makeUsers,
  residence,
  servesNewUser,
  start,
  startChat,
  until,
  withDescriptors,
} from '../helpers/sockets.ts';
import { addressOf, cookieOf } from '../helpers/sse.ts';
import { startCast, tempFolder } from '../helpers/world.ts';

const MiB = 2 ** 20;

/** A request for a path with a user's cookies. */
const get = (path: string, cookie = '') =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\n${cookie && `Cookie: ${cookie}\r\n`}\r\n`;

/** The ids named in the answers so far, one per answer. */
const idsIn = ({ text }: Connection) =>
  [...text.matchAll(/"id":(\d+)/g)].map(([, id]) => Number(id));

t.test('many pipelined requests on one connection take little memory', async (t) => {
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
  // The system buffers a few answers for a connection.
  await until('a full connection', () => one.socket.bytesRead > 0 || one.socket.readableLength > 0);
  const waits: number[] = [];
  for (let i = 0; i < 20; i++) {
    const startedAt = performance.now();
    t.equal((await fetch(`${server.url}/healthz`)).status, 200);
    waits.push(performance.now() - startedAt);
  }
  // The fastest ones: how late the others are depends on the machine's other work.
  t.ok(Number(waits.sort((a, b) => a - b)[4]) < 250, 'health is answered soon');
  const grown = residence(server) - before;
  t.ok(grown < 50 * MiB, `${Math.round(grown / MiB)} MiB for one connection`);
  t.notOk(one.socket.destroyed, 'it waits');
  await servesNewUser(t, server, 'bob');
});

t.test('pipelined requests are served one after another, in order', async (t) => {
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
  const connection = await dial(t, { url });
  connection.socket.write(order.map((id) => get(`${chat}/messages/${id}`, cookie)).join(''));
  await until('all answers', () => idsIn(connection).length === order.length);
  t.strictSame(idsIn(connection), order);
  t.equal(most, 1, 'one at a time');
});

t.test('a pipelined request waits with its body, and is not lost', async (t) => {
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

t.test('a connection with too many waiting requests is closed', async (t) => {
  const server = await start(t);
  const { alice, chat } = await startChat(server);
  // A stream never ends, so the requests behind it wait for ever.
  const [few, many] = await Promise.all([
    dial(t, server, eventsOf(alice.cookie) + get('/x').repeat(400)),
    dial(t, server, eventsOf(alice.cookie) + get('/x').repeat(1_500)),
  ]);
  await closed(many);
  await alice.send('POST', chat, { content: 'Hi' });
  await until('the message', () => few.text.includes('"content":"Hi"'));
  t.notMatch(few.text, '404', 'the waiting request was not started');
  // Each may wait, but not all of them.
  const waiting = get('/x').repeat(490);
  const before = residence(server);
  const users = makeUsers(t, server.file, 2);
  const connections = await Promise.all(
    Array.from({ length: 30 }, (_, i) => dial(t, server, eventsOf(users[i % 2] ?? '') + waiting)),
  );
  await until('some ends', () => connections.filter(({ socket }) => socket.closed).length >= 10);
  t.ok(residence(server) - before < 50 * MiB, 'little memory');
  await servesNewUser(t, server, 'bob');
});

t.test('unread answers are bounded per user, and in total', (t) => {
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
  t.equal(unsent.total, 6 * MiB, 'a finished answer no longer counts');
  for (let user = 2; user < 20; user++) open(user, `of ${user}`, 3 * MiB);
  t.equal(unsent.total, 60 * MiB);
  cut.length = 0;
  open(20, 'of 20', 5 * MiB);
  t.strictSame(cut, ['a3'], 'that of the user with the most');
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
  // An unread stream counts as well.
  const page = get(`${chat}?limit=8`, alice.cookie);
  const before = residence(server);
  const connections: Connection[] = [];
  for (let i = 0; i < 100; i++) {
    const connection = await dial(t, server);
    // Some answers are in the system's buffers, the next one waits in the server.
    connection.socket.pause().write(page.repeat(60));
    connections.push(connection);
  }
  await until('ends', () => {
    for (const { socket } of connections) socket.read(0);
    return descriptors(server) < 90;
  });
  t.ok(residence(server) - before < 50 * MiB);
  t.equal((await alice.get(chat)).status, 200, 'and is served again at once');
});

/** A socket as the connection table sees it. */
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

/** A table with 40 connections, 8 of them for this machine, and at most 5 from one address. */
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

t.test('an address has at most its share of the connections', (t) => {
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
    'the longest idle are closed, those without a session first',
  );
  t.strictSame(
    more.map(({ overflow }) => overflow),
    ['evicted', 'evicted', 'evicted'],
  );
  // An IPv6 network counts as one, IPv4 in IPv6 as IPv4; this machine and proxies do not count.
  t.equal(open(addMany(9, (i) => `2001:db8::${i + 1}`)), 5);
  t.equal(open(addMany(2, (i) => `2001:db8:0:${i + 1}::1`)), 2);
  t.equal(add('::ffff:192.0.2.1').overflow, 'evicted');
  t.equal(open(addMany(7, () => '::1')), 7);
  t.equal(open(addMany(7, () => '10.1.2.3')), 7);
  t.equal(add('fe80::1%eth0').overflow, undefined);
  t.end();
});

t.test('when all connections are taken, the least useful one is closed', (t) => {
  const { table, add, addMany, open } = fakeTable();
  const proxies = addMany(10, (i) => (i % 2 ? '10.0.0.1' : 'fd00::1'));
  const streams = addMany(10, (i) => `192.0.2.${i}`);
  for (const { connection } of streams) {
    Object.assign(connection ?? {}, { hasSession: true, current: {} });
  }
  const idle = addMany(2, (i) => `198.51.100.${i}`);
  for (const { connection } of idle) Object.assign(connection ?? {}, { hasSession: true });
  const strangers = addMany(10, (i) => `203.0.113.${i}`);
  // Slow to send or to read: active, but without a session.
  Object.assign(strangers[0]?.connection ?? {}, { current: {} });
  strangers[1]?.connection?.touch();
  const next = () => add('203.0.113.99').overflow;
  t.equal(next(), 'evicted');
  t.ok(strangers[0]?.socket.destroyed, 'the stranger that was idle for longest');
  strangers[2]?.connection?.touch();
  next();
  t.ok(strangers[3]?.socket.destroyed, 'not one that has asked meanwhile');
  addMany(4, () => '203.0.113.98');
  t.equal(open(idle), 2);
  for (const { socket, connection } of strangers) if (!socket.destroyed) mark(connection);
  for (const socket of table.sockets) {
    const connection = table.find(socket);
    if (!connection?.peer.isProxy) mark(connection);
  }
  Object.assign(idle[1]?.connection ?? {}, { current: undefined });
  t.equal(next(), 'evicted');
  t.ok(idle[1]?.socket.destroyed, 'then an idle one with a session');
  const last = [...table.sockets].at(-1);
  mark(last && table.find(last));
  t.equal(next(), 'refused', 'and never a stream');
  t.equal(open(proxies), 10);
  t.equal(open(streams), 10);
  t.strictSame(
    addMany(9, () => '127.0.0.1').map(({ overflow }) => overflow),
    [...Array(8).fill(undefined), 'evicted'],
    'some are reserved for this machine',
  );
  t.end();

  function mark(connection: ReturnType<typeof table.find>) {
    Object.assign(connection ?? {}, { hasSession: true, current: {} });
  }
});

t.test('with few descriptors, idle connections are closed and nothing else fails', async (t) => {
  const server = await start(t, { wrapper: withDescriptors(128) });
  const { alice } = await startChat(server);
  const connections: Connection[] = [];
  for (let i = 0; i < 200; i++) connections.push(await dial(t, server));
  const areOver = () => connections.filter(({ socket }) => socket.closed).length >= 120;
  await until('120 ends', areOver);
  for (const path of ['/', '/docs', '/icon.svg', '/healthz', '/docs/swagger-ui.css']) {
    const connection = await dial(t, server, get(path));
    await until(path, () => connection.text.includes('\r\n\r\n'));
    t.match(connection.text, /^HTTP\/1.1 200 /, path);
  }
  t.equal((await alice.get('/api/chats')).status, 200);
  await servesNewUser(t, server, 'bob');
  t.ok(descriptors(server) < 128);
  await server.wrote(/idle ones are closed to make room/);
  t.equal(
    server.output().split('idle ones are closed to make room').length,
    2,
    'one line in the log',
  );
  t.notMatch(server.output(), /"level":[56]0/, 'no error in the log');
});

t.test('when no connection is idle, new ones are turned away', async (t) => {
  const server = await start(t, { wrapper: withDescriptors(128) });
  const { alice, chat } = await startChat(server);
  const cookies = makeUsers(t, server.file, 4);
  const open = async (cookie: string) => {
    const connection = await dial(t, server, eventsOf(cookie));
    await until('its first event', () => connection.text.includes('\nid: '));
    return connection;
  };
  const streams: Connection[] = [];
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

t.test('the server does not start with fewer than 128 descriptors', async (t) => {
  const env = { DATABASE_URL: join(await tempFolder(t), 'snug.db') };
  const few = spawnSnug(t, { wrapper: withDescriptors(127), env });
  t.equal(await few.exited, 1);
  t.equal(
    few.output(),
    'snug: The system allows this process only 127 open files and connections; Snug needs at least 128. Raise the limit: "ulimit -n 1024", or "LimitNOFILE=1024" in the unit.\n',
  );
});

/** An address of this machine other than the loopback's; its connections come from it. */
const ownAddress = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

t.test(
  'a client that takes all its connections keeps nobody else out',
  { skip: ownAddress === undefined && 'no address but the loopback’s' },
  async (t) => {
    const env = { HOST: '0.0.0.0' };
    const server = await start(t, { wrapper: withDescriptors(1_024), env });
    const before = descriptors(server);
    const attacker = { url: server.url, host: ownAddress ?? '' };
    const connections: Connection[] = [];
    for (let i = 0; i < 1_200; i += 100) {
      const some = Array.from({ length: 100 }, () => dial(t, attacker, health));
      connections.push(...(await Promise.all(some)));
    }
    await until('the share', () => descriptors(server) <= before + 125);
    const isOpen = ({ socket }: Connection) => !socket.closed;
    await until('the other ends', () => connections.filter(isOpen).length <= 122);
    t.ok(connections.filter(isOpen).length > 100, 'it has its share');
    const local = { ...server, url: server.url.replace('0.0.0.0', '127.0.0.1') };
    await servesNewUser(t, local, 'bob');
    t.notMatch(server.output(), /"level":[56]0/, 'no error in the log');
  },
);

/** Every page and file that is public. */
const publicPaths = ['/', '/docs', '/docs/swagger-ui-bundle.js', '/openapi.json', '/icon-512.png'];

t.test('strangers who request everything at once take few descriptors', async (t) => {
  const server = await start(t, { wrapper: withDescriptors(1_024) });
  // Soon after the start, so nothing has been written yet. The program needs the memory for its
  // first thousands of requests in any case.
  const first = Array.from({ length: 10 }, () => dial(t, server, health.repeat(400)));
  const answers = ({ text }: Connection) => text.split('HTTP/1.1 200').length - 1;
  const connections = await Promise.all(first);
  await until('the first answers', () =>
    connections.every((connection) => answers(connection) === 400),
  );
  for (const { socket } of connections) socket.destroy();
  await until('their end', () => connections.every(({ socket }) => socket.closed));
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
    // A tenth of what it took when all were started at once.
    t.ok(grown < 50, `${path}: ${grown} MiB more`);
    await servesNewUser(t, server, `who saw ${publicPaths.indexOf(path)}`);
    for (const socket of sockets) socket.destroy();
    held = residence(server);
  }
  t.equal(server.child.exitCode, null);
});
