/** People can talk behind real proxies, with the documented configurations and with common ones. */
import type { IncomingHttpHeaders } from 'node:http2';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Stage, Visitor, webTest } from '../helpers/browser.ts';
import { Document, environmentOf } from '../helpers/documents.ts';
import { address, Browser, Client } from '../helpers/front-client.ts';
import { type ProxyName, startProxy } from '../helpers/fronts.ts';
import { type ServerProcess, startServer } from '../helpers/server.ts';
import { without } from '../helpers/tools.ts';
import { password, startCast, tempFolder } from '../helpers/world.ts';

const [settings = '', ...configurations] = Document.readSync('docs/operating.md').section(
  '## Behind a reverse proxy',
).blocks;
const documented = ['caddy', 'nginx', 'haproxy', 'apache2'] as const;

/** The logged address of the last request that created a chat. */
function addressIn(server: ServerProcess): string {
  const lines = server
    .output()
    .split('\n')
    .flatMap((line) => line.match(/^\{.*\}$/) ?? []);
  const made = lines
    .map((line) => JSON.parse(line))
    .filter(({ audit }) => audit === 'chat_created');
  return made.at(-1)?.address;
}

/** Longer than a busy machine takes, shorter than the time to the next beat of a stream, in ms. */
const atOnce = 12_000;

/** Two people register through a proxy, post, and receive the events at once. */
async function talk(t: Test, open: () => Client, setup: string) {
  const [alice, bob] = [open(), open()];
  const registered = await alice.register('alice', { setup });
  t.match(registered, { status: 201, body: { status: 'ok' } });
  t.equal((await bob.register('bob')).status, 201);
  t.equal((await alice.ask('GET', '/api/logout')).status, 200);
  t.equal((await alice.ask('POST', '/api/login', { name: 'alice', password })).status, 200);
  const made = await alice.ask('POST', '/api/chats', { title: 'Sunday hike' });
  const chat = String(made.headers.location);
  t.match(chat, /^\/api\/chats\/\d+$/);
  await alice.ask('POST', `${chat}/members`, { name: 'bob' });
  // What bob has missed is long enough for a proxy to compress it, and the rest of the stream.
  await alice.ask('POST', chat, { content: 'Bring good shoes. '.repeat(100) });
  const { status, body: events, close } = await bob.open('GET', '/api/events?since=1');
  t.equal(status, 200);
  t.teardown(close);
  const received = Promise.withResolvers<string>();
  let stream = '';
  events.setEncoding('utf8').on('data', (data: string) => {
    stream += data;
    if (stream.includes('at nine?')) received.resolve('at once');
  });
  const start = performance.now();
  const content = 'Shall we meet at the café, at nine? 🦆';
  t.equal((await alice.ask('POST', chat, { content })).status, 201);
  const late = setTimeout(() => received.resolve('late'), atOnce);
  t.equal(await received.promise, 'at once', 'the event is not held back');
  clearTimeout(late);
  t.comment(`${Math.round(performance.now() - start)} ms from one to the other`);
  const { body } = await bob.ask('GET', chat);
  const message = body.messages.at(-1);
  t.equal(message.content, content);
  const reaction = `${chat}/messages/${message.id}/reactions/${encodeURIComponent('👍')}`;
  t.equal((await bob.ask('PUT', reaction)).status, 200);
  return alice;
}

async function start(t: Test, env: Record<string, string>) {
  const server = await startServer(t, join(await tempFolder(t), 'snug.db'), { env });
  const [, setup = ''] = await server.wrote(/#\/setup\/([\w-]+)/);
  return { server, setup, backend: new URL(server.url).host };
}

/** Two people talk behind a proxy with the documented settings; returns the headers of an answer. */
async function talkBehind(
  t: Test,
  name: ProxyName,
  configuration: string,
  Kind: typeof Client,
): Promise<IncomingHttpHeaders> {
  const { server, setup, backend } = await start(t, environmentOf(settings));
  const port = await startProxy(t, name, { configuration, backend });
  const headers = { 'x-forwarded-host': 'chat.example.org' };
  const alice = await talk(t, () => new Kind('https://chat.example.org', port, headers), setup);
  for (const cookie of alice.attributes) t.match(cookie, /; Secure/, 'it came over https');
  const { headers: answered } = await alice.ask('GET', '/api/session');
  t.ok(answered['strict-transport-security']);
  t.equal(addressIn(server), address, 'no forged address is believed');
  t.notMatch(server.output(), /X-Forwarded-For|"level":50/);
  return answered;
}

for (const [index, name] of documented.entries()) {
  const configuration = configurations[index] ?? '';
  const options = { skip: without(name, 'openssl') };
  t.test(`people can talk behind the documented ${name}`, options, async (t) => {
    await talkBehind(t, name, configuration, Client);
  });
  t.test(`people can talk over HTTP/2 behind the documented ${name}`, options, async (t) => {
    await talkBehind(t, name, configuration, Browser);
  });
}

/** Common additions to the documented configurations, which must not hold events back. */
const additions: [title: string, name: ProxyName, change: (text: string) => string][] = [
  [
    'nginx that compresses event streams and keeps connections',
    'nginx',
    (text) => `gzip on;
gzip_types application/json text/event-stream;
upstream snug { server 127.0.0.1:3000; keepalive 16; }
${text.replace('http://127.0.0.1:3000', 'http://snug')}`,
  ],
  [
    'Apache that compresses event streams',
    'apache2',
    (text) => `AddOutputFilterByType DEFLATE text/html text/plain text/css application/javascript
AddOutputFilterByType DEFLATE application/json text/event-stream
${text}`,
  ],
];

for (const [title, name, change] of additions) {
  const configuration = change(configurations[documented.indexOf(name as 'nginx')] ?? '');
  const options = { skip: without(name, 'openssl') };
  t.test(`people can talk behind ${title}`, options, async (t) => {
    const headers = await talkBehind(t, name, configuration, Browser);
    t.equal(headers['content-encoding'], 'gzip', 'the proxy compresses');
  });
}

/** The same at home, as the page says: without the lines about https. */
const atHome = {
  nginx: (text: string) =>
    text.replace('listen 443 ssl http2', 'listen 80').replace(/\tssl_.*\n/g, ''),
  caddy: (text: string) => text.replace('chat.example.org', 'http://pi.lan'),
};

for (const [name, change] of Object.entries(atHome) as [ProxyName, (text: string) => string][]) {
  const documentedText = configurations[documented.indexOf(name)] ?? '';
  const configuration = change(documentedText).replaceAll('chat.example.org', 'pi.lan');
  t.test(
    `people can talk behind the documented ${name} over plain http`,
    { skip: without(name, 'openssl') },
    async (t) => {
      const env = { ...environmentOf(settings), PUBLIC_URL: 'http://pi.lan' };
      t.match(Document.readSync('docs/operating.md').text, `\`PUBLIC_URL=${env.PUBLIC_URL}\``);
      const { server, setup, backend } = await start(t, env);
      const port = await startProxy(t, name, { configuration, backend });
      const alice = await talk(t, () => new Client(env.PUBLIC_URL, port), setup);
      for (const cookie of alice.attributes) t.notMatch(cookie, 'Secure');
      t.equal(addressIn(server), address, 'no forged address is believed');
      t.notMatch(server.output(), /X-Forwarded-For|"level":50/);
    },
  );
}

/** The beat of a stream, and the time after which these proxies give up on silence, in ms. */
const beat = 15_000;
const silence = 60_000;

/** How many times as fast the next test runs. */
const haste = 20;

/** What ends a stream that is silent for 3 s; without a setting it is 60 s. */
const hurried: Partial<Record<ProxyName, (text: string) => string>> = {
  nginx: (text) =>
    text.replace('proxy_pass', `proxy_read_timeout ${silence / haste}ms; proxy_pass`),
  haproxy: (text) => text.replaceAll(`${silence / 1_000}s`, `${silence / haste}ms`),
  apache2: (text) =>
    text.replace('ProxyPass /', `ProxyTimeout ${silence / haste / 1_000}\nProxyPass /`),
};

/** A server in this process, with a beat of its own, and somebody who is registered there. */
async function startBeating(t: Test, interval: number) {
  const { setInterval } = globalThis;
  const scaled = (work: () => void, ms: number) => setInterval(work, ms === beat ? interval : ms);
  const started = t.capture(globalThis, 'setInterval', scaled);
  const { app, alice } = await startCast(t, environmentOf(settings));
  t.ok(
    started().some(({ args: [, ms] }) => ms === beat),
    'the beat is set',
  );
  started.restore();
  const backend = new URL(await app.listen({ port: 0, host: '127.0.0.1' })).host;
  return { backend, cookie: `user_id=${alice.id}; token=${alice.cookies.token}` };
}

/** Follows events through a proxy until it ends the stream, or `most` beats have come. */
async function countBeats(t: Test, port: number, cookie: string, most: number): Promise<number> {
  const one = new Client('https://chat.example.org', port);
  one.cookie = cookie;
  const { status, body, close } = await one.open('GET', '/api/events');
  t.equal(status, 200);
  t.teardown(close);
  let beats = 0;
  try {
    for await (const data of body.setEncoding('utf8')) {
      beats += data.split('event: beat').length - 1;
      if (beats >= most) break;
    }
  } catch (error) {
    t.match(error, { code: 'ECONNRESET' });
  }
  return beats;
}

const front = Object.keys(hurried) as ProxyName[];

t.test(
  'a stream outlives the silence that proxies allow',
  { skip: without('openssl', ...front) },
  async (t) => {
    const [beating, silent] = [await startBeating(t, beat / haste), await startBeating(t, beat)];
    const most = 8;
    await Promise.all(
      front.map(async (name) => {
        const documentedText = configurations[documented.indexOf(name as 'nginx')] ?? '';
        const configuration = hurried[name]?.(documentedText) ?? '';
        t.not(configuration, documentedText);
        for (const [{ backend, cookie }, expected] of [
          [beating, most],
          [silent, 1],
        ] as const) {
          const port = await startProxy(t, name, { configuration, backend });
          t.equal(await countBeats(t, port, cookie, most), expected, `${name}: ${expected} beats`);
        }
      }),
    );
  },
);

/** Common first configurations, over plain http at home. */
const plain: [name: string, proxy: ProxyName, configuration: string][] = [
  [
    'nginx without a Host',
    'nginx',
    'server { listen 80; location / { proxy_pass http://127.0.0.1:3000; } }',
  ],
  [
    'nginx with $host',
    'nginx',
    'server { listen 80; location / { proxy_pass http://127.0.0.1:3000; proxy_set_header Host $host; } }',
  ],
  [
    'nginx with $http_host',
    'nginx',
    'server { listen 80; location / { proxy_pass http://127.0.0.1:3000; proxy_set_header Host $http_host; } }',
  ],
  [
    'haproxy',
    'haproxy',
    'defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n' +
      'frontend chat\n bind :80\n default_backend snug\nbackend snug\n option httpchk\n' +
      ' server snug 127.0.0.1:3000 check inter 100ms\n',
  ],
  ['caddy', 'caddy', ':80 {\n\treverse_proxy 127.0.0.1:3000\n}\n'],
  [
    'apache',
    'apache2',
    '<VirtualHost *:80>\n ProxyPass / http://127.0.0.1:3000/\n</VirtualHost>\n',
  ],
];

for (const [title, name, configuration] of plain) {
  t.test(
    `${title}, over http, without a setting`,
    { skip: without(name, 'openssl') },
    async (t) => {
      const { server, setup, backend } = await start(t, {});
      const port = await startProxy(t, name, { configuration, backend });
      // As the client does; over http to another machine, a browser does not identify the page.
      const headers = { 'x-requested-with': 'Snug' };
      const open = () => new Client(`http://pi.lan:${port}`, port, headers);
      const alice = await talk(t, open, setup);
      for (const cookie of alice.attributes) t.notMatch(cookie, 'Secure');
      t.notMatch(server.output(), /"level":50/);
    },
  );
}

async function talkInBrowsers(t: Test, stage: Stage): Promise<void> {
  // The address differs from the server's own.
  stage.expect(/^asked http:\/\/pi\.lan|Cross-Origin-Opener-Policy/);
  await stage.person('root');
  const backend = new URL(stage.server.url).host;
  const [, , configuration = ''] = plain[0] ?? [];
  const port = await startProxy(t, 'nginx', { configuration, backend });
  const visit = async () => Visitor.open(await stage.browser(), `http://pi.lan:${port}`);
  const [alice, bob] = [await visit(), await visit()];
  await alice.register('alice');
  await bob.register('bob');
  const { server } = stage;
  t.match(server.output(), /"level":40[^\n]*"origin":"http:\/\/pi\.lan:\d+"[^\n]*PUBLIC_URL/);
  await alice.page.evaluate(async () => {
    const headers = { 'x-requested-with': 'Snug' };
    const send = (path: string, fields: Record<string, string>) =>
      fetch(path, { method: 'POST', headers, body: new URLSearchParams(fields) });
    const { headers: made } = await send('/api/chats', { title: 'Sunday hike' });
    await send(`${made.get('location')}/members`, { name: 'bob' });
  });
  for (const one of [alice, bob]) await one.openChat('Sunday hike');
  await alice.say('Shall we meet at nine?');
  await bob.message('Shall we meet at nine?').waitFor();
  await bob.say('At ten.');
  await alice.message('At ten.').waitFor();
}

const title = 'over plain http, by a local host name, people talk in the client';
const missing = without('nginx', 'openssl');
if (missing === false) webTest(title, talkInBrowsers);
else t.test(title, { skip: missing }, async () => undefined);
