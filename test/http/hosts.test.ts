/** The host names that the server answers, and the headers of its proxies. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import t from 'tap';
import { Refusal } from '../../src/errors.ts';
import { done, refused } from '../helpers/answers.ts';
import { nameOf, routesOf } from '../helpers/routes.ts';
import { allRows } from '../helpers/rows.ts';
import { startServer } from '../helpers/server.ts';
import { password, startCast, startWorld, tempFolder } from '../helpers/world.ts';

const { message } = new Refusal('misdirected');

/** Hosts that nobody can register in the public DNS. */
const local = [
  ...['localhost', 'LOCALHOST:8080', 'snug', 'snug:3000', 'snug.', 'my-nas_2', 'chat.localhost'],
  ...['raspberrypi.local:3000', 'RaspberryPi.Local.', 'snug.lan', 'snug.home', 'a.b.home.arpa'],
  ...['snug.internal', 'snug.localdomain:3000', 'snug.default.svc.cluster.local', 'snug.test'],
  ...['127.0.0.1', '192.168.1.20:3000', '203.0.113.9', '[::1]', '[2001:db8::7]:3000', '127.0.0.1.'],
];

const foreign = [
  ...['evil.example:4410', 'example.org', 'chat.example.org.evil.example', 'local.evil.example'],
  ...['snug.local.example', 'notlocal.example', 'xlan.lanx', 'snug.arpa', '127.0.0.1.evil.example'],
  ...['1.2.3', '[::1].evil.example', 'evil.homearpa', 'evil.com.'],
];

t.test('only local hosts, addresses and our own names are answered', async (t) => {
  const env = { PUBLIC_URL: 'https://Chat.Example.org', ALLOWED_HOSTS: 'snug.example.net' };
  const named = ['chat.example.org', 'CHAT.example.org:8443', 'chat.example.org.:3000'];
  const more = ['snug.example.net', 'snug.example.net:80'];
  for (const [settings, ours] of [
    [{}, local],
    [env, [...local, ...named, ...more]],
  ] as const) {
    const { nobody } = await startWorld(t, settings);
    for (const host of ours) t.equal((await nobody().get('/healthz', { host })).status, 200, host);
    const others = ours === local ? [...foreign, ...named, ...more] : foreign;
    for (const host of others) {
      const answer = await nobody().get('/healthz', { host });
      const isMalformed = host.startsWith('[');
      refused(t, answer, isMalformed ? 400 : 421, isMalformed ? undefined : message, host);
    }
  }
});

t.test('a foreign host is refused on every route, whatever the Origin says', async (t) => {
  const routes = await routesOf(() => startWorld(t));
  const { alice, nobody, file } = await startCast(t, { PUBLIC_URL: 'https://chat.example.org' });
  const before = allRows(file);
  const host = 'evil.example:4410';
  const headers = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' };
  const named = [...routes.map(nameOf), 'GET /nothing', 'HEAD /', 'OPTIONS /api/chats'];
  for (const name of named) {
    const [method = '', path = ''] = name.split(' ');
    const url = path.replace(/:\w+/g, '1');
    for (const person of [alice, nobody()]) {
      const answer = await person.request({ method: method as 'GET', url, headers });
      if (method === 'HEAD') t.equal(answer.status, 421, name);
      else refused(t, answer, 421, message, `${name} by ${person.name}`);
    }
  }
  t.strictSame(allRows(file), before);
  const payload = { name: 'dora', password, email: 'dora@example.org' };
  const own = { host: 'chat.example.org', origin: 'https://chat.example.org' };
  for (const consistent of [
    own,
    { host: 'raspberrypi.local', origin: 'http://raspberrypi.local' },
  ]) {
    const request = { method: 'POST', url: '/api/login', headers: consistent, payload } as const;
    refused(t, await nobody().request(request), 400, 'The name or the password is wrong.');
  }
});

t.test('only a trusted proxy may name the host that was asked', async (t) => {
  const env = { TRUST_PROXY: '10.0.0.1', PUBLIC_URL: 'https://chat.example.org' };
  const { nobody } = await startWorld(t, env);
  const ask = async (remoteAddress: string, host: string, forwarded: string) => {
    const headers = { host, 'x-forwarded-host': forwarded };
    return (await nobody().request({ url: '/healthz', headers, remoteAddress })).status;
  };
  t.equal(await ask('10.0.0.1', 'snug:3000', 'chat.example.org'), 200);
  t.equal(await ask('10.0.0.1', 'snug:3000', 'evil.example'), 421);
  t.equal(await ask('10.0.0.1', 'evil.example', 'chat.example.org'), 421, 'both must be ours');
  t.equal(await ask('10.0.0.1', 'snug', 'evil.example, chat.example.org'), 200, 'the last counts');
  t.equal(await ask('10.0.0.2', 'snug:3000', 'evil.example'), 200, 'ignored');
  t.equal(await ask('10.0.0.2', 'evil.example', 'chat.example.org'), 421);
});

t.test('a phone at home opens the server by its local name, without any setting', async (t) => {
  const server = await startServer(t, join(await tempFolder(t), 'snug.db'), {
    env: { HOST: '0.0.0.0' },
  });
  const { port } = new URL(server.url);
  const [, setup = ''] = await server.wrote(/"setup_code":"([^"]+)"/);
  const ask = async (lines: string, body = '') => {
    const socket = connect({ port: Number(port), host: '127.0.0.1' });
    socket.write(`${lines}\r\nconnection: close\r\n\r\n${body}`);
    return text(socket);
  };
  const host = `raspberrypi.local:${port}`;
  t.match(await ask(`GET / HTTP/1.1\r\nhost: ${host}`), /^HTTP\/1.1 200[\s\S]*<!doctype html>/);
  const person = { name: 'alice', password, email: 'alice@example.org' };
  const fields = new URLSearchParams({ ...person, setup });
  const form = `content-type: application/x-www-form-urlencoded\r\ncontent-length: ${String(fields).length}`;
  const lines = `POST /api/user HTTP/1.1\r\nhost: ${host}\r\norigin: http://${host}\r\n${form}`;
  t.match(await ask(lines, String(fields)), /^HTTP\/1.1 201/);

  t.match(await ask('GET /healthz HTTP/1.0'), /^HTTP\/1.1 200/, 'an old client names no host');
  const evil = 'GET http://evil.example/healthz HTTP/1.1';
  t.match(await ask(`${evil}\r\nhost: localhost`), /^HTTP\/1.1 421/, 'the whole URL counts');
  t.match(await ask(`${evil.replace('evil.example', host)}\r\nhost: localhost`), /^HTTP\/1.1 200/);
  t.match(await ask('GET / HTTP/1.1\r\nhost:'), /^HTTP\/1.1 421/);
  t.match(await ask('GET / HTTP/1.1\r\nhost: a@b'), /^HTTP\/1.1 400/, 'no host at all');
});

t.test('a proxy that does not name the client is reported, once', async (t) => {
  const lines: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line) => void lines.push(line) });
  const warnings = () => lines.filter((line) => line.includes('X-Forwarded-For'));
  const env = { TRUST_PROXY: '10.0.0.0/8,::1' };
  const { nobody } = await startWorld(t, env, { logger });
  const ask = (url: string, remoteAddress: string, headers = {}) =>
    nobody().request({ url, remoteAddress, headers });
  await ask('/', '192.0.2.7');
  await ask('/healthz', '10.0.0.1');
  await ask('/', '10.0.0.1', { 'x-forwarded-for': '192.0.2.7' });
  t.strictSame(warnings(), [], 'not for a stranger, a health check, or a proxy that names it');
  await ask('/', '10.0.0.1');
  await ask('/', '::1');
  t.equal(warnings().length, 1);
  t.match(JSON.parse(warnings()[0] ?? ''), { level: 40, address: '10.0.0.1' });

  const six = await startWorld(t, { TRUST_PROXY: '10.0.0.1' }, { logger });
  done(t, await six.nobody().request({ url: '/healthz' }), 200);
  await six.nobody().request({ url: '/', remoteAddress: '::ffff:10.0.0.1' });
  t.equal(warnings().length, 2, 'however the socket writes its address');
});
