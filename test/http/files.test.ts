/** Static files: compressed by the build, cached by clients, sent from memory. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import t from 'tap';
import { Refusal } from '../../src/errors.ts';
import { coders } from '../../src/http/compress.ts';
import { Files, type Manifest } from '../../src/http/files.ts';
import { refused } from '../helpers/answers.ts';
import { startServer } from '../helpers/server.ts';
import { descriptors, pipeline, residence } from '../helpers/wire.ts';
import { startCast, startWorld, tempFolder } from '../helpers/world.ts';

const manifest: Manifest = JSON.parse(
  readFileSync(new URL('../../dist/files.json', import.meta.url), 'utf8'),
);

/** The addresses of all public files. */
const places = [
  ...Object.keys(manifest).map((name) => (name === 'index.html' ? '/' : `/${name}`)),
  ...['/docs', '/docs/start.js', '/openapi.json'],
];

const unpack: Record<string, (bytes: Buffer) => Buffer> = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
};

t.test('a client gets each file in the smallest encoding that it accepts', async (t) => {
  const { app } = await startWorld(t);
  const get = async (url: string, accepted?: string) => {
    const headers = accepted === undefined ? {} : { 'accept-encoding': accepted };
    const { statusCode, headers: answered, rawPayload } = await app.inject({ url, headers });
    t.equal(statusCode, 200, url);
    return { headers: answered, bytes: rawPayload, encoding: answered['content-encoding'] };
  };
  const packed = new Set<string>();
  for (const url of places) {
    const plain = await get(url);
    t.notOk(plain.encoding, url);
    for (const [accepted, expected] of [
      ['gzip, deflate, br, zstd', 'br'],
      ['gzip, deflate', 'gzip'],
      ['br;q=0, GZIP;q=0.5', 'gzip'],
      ['brotli, xgzip, br; q=0.0', undefined],
    ] as const) {
      const { encoding, bytes, headers } = await get(url, accepted);
      t.equal(headers.vary, plain.headers.vary, `${url} ${accepted}`);
      if (encoding === undefined) {
        t.equal(headers.etag, plain.headers.etag);
        continue;
      }
      t.equal(encoding, expected, `${url} ${accepted}`);
      t.not(headers.etag, plain.headers.etag, 'other bytes, another tag');
      t.equal(headers.vary, 'accept-encoding');
      t.ok(bytes.length < plain.bytes.length);
      t.ok(unpack[encoding as string]?.(bytes).equals(plain.bytes), `${url} ${accepted}`);
      packed.add(url);
    }
  }
  const isPacked = (end: string) => [...packed].some((url) => url.endsWith(end));
  for (const name of ['.js', '.css', '.svg', '/openapi.json']) t.ok(isPacked(name), name);
  for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css']) {
    t.ok(packed.has(`/docs/${name}`), name);
  }
});

t.test('a file that the client has cached is not sent again', async (t) => {
  const { nobody, register } = await startWorld(t);
  const tags = new Map<string, unknown>();
  for (const url of places) {
    const { headers } = await nobody().get(url, { 'accept-encoding': 'br' });
    const etag = String(headers.etag);
    t.match(etag, /^"[\w.-]+"$/, 'a strong tag');
    const isNamed = url.startsWith('/assets/');
    const expected = isNamed ? 'public, max-age=31536000, immutable' : 'no-cache';
    t.equal(headers['cache-control'], expected, url);
    for (const cached of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await nobody().get(url, { 'accept-encoding': 'br', 'if-none-match': cached });
      t.equal(again.status, 304, url);
      t.equal(again.text, '');
      t.match(again.headers, { etag, 'cache-control': expected });
    }
    for (const cached of ['"x"', etag.slice(1, -1), `${etag}x`]) {
      const changed = await nobody().get(url, { 'accept-encoding': 'br', 'if-none-match': cached });
      t.equal(changed.status, 200, url);
    }
    tags.set(url, etag);
  }
  await register('alice');
  const page = await nobody().get('/', { 'if-none-match': String(tags.get('/')) });
  t.equal(page.status, 200, 'the page has changed');
  for (const [url, etag] of tags) {
    if (url === '/') continue;
    const same = await nobody().get(url, { 'accept-encoding': 'br' });
    t.equal(same.headers.etag, etag, url);
  }
});

t.test('favicon.ico, robots.txt and security.txt are served', async (t) => {
  const { app, nobody } = await startWorld(t);
  const icon = await app.inject('/favicon.ico');
  t.equal(icon.headers['content-type'], 'image/x-icon');
  t.equal(icon.rawPayload.readUInt32LE(14), icon.rawPayload.length - 22, 'one icon, whole');
  t.equal(icon.rawPayload.subarray(23, 26).toString(), 'PNG');
  const robots = await nobody().get('/robots.txt');
  t.match(robots, { text: 'User-agent: *\nDisallow: /\n' });
  t.equal(robots.headers['content-type'], 'text/plain; charset=utf-8');
  const path = '/.well-known/security.txt';
  refused(t, await nobody().get(path), 404, new Refusal('no_contact').message);
  const SECURITY_CONTACT = 'mailto:security@example.org';
  const world = await startWorld(t, { SECURITY_CONTACT, PUBLIC_URL: 'https://chat.example.org' });
  const { headers, text } = await world.nobody().get(path, { host: 'chat.example.org' });
  t.equal(headers['content-type'], 'text/plain; charset=utf-8');
  t.equal(
    text,
    `Contact: ${SECURITY_CONTACT}\nExpires: 2027-05-22T00:00:00.000Z\nCanonical: https://chat.example.org${path}\n`,
  );
});

t.test('only the files of the build are served', async (t) => {
  const { nobody } = await startWorld(t);
  for (const name of ['index.html', 'files.json', '__proto__', 'constructor', 'x.js']) {
    const { status } = await nobody().get(`/assets/${name}`);
    t.ok([400, 404].includes(status), name);
  }
  const empty = new Files({}, undefined);
  t.equal(empty.find('index.html'), undefined);
  t.equal(empty.find('toString'), undefined);
});

t.test('without a build there is no client, but the API works', async (t) => {
  t.intercept(Files, 'open', { value: () => new Files({}, undefined) });
  const { nobody } = await startWorld(t);
  const { message } = new Refusal('no_client');
  for (const url of ['/', '/sw.js', '/docs/swagger-ui.css']) {
    refused(t, await nobody().get(url), 404, message, url);
  }
  t.equal((await nobody().get('/healthz')).status, 200);
});

t.test('JSON of at least 1 KB is compressed for clients that accept it', async (t) => {
  const { app, alice, bob, chat } = await startCast(t);
  for (let i = 0; i < 20; i++) await alice.send(chat, `Message ${i}: shall we meet at nine?`);
  const get = async (url: string, accepted: string, method: 'GET' | 'HEAD' = 'GET') => {
    const headers = { 'accept-encoding': accepted };
    const { cookies } = alice;
    const { rawPayload: bytes, headers: answered } = await app.inject({
      ...{ url, method, headers, cookies },
    });
    t.equal(answered['content-type'], 'application/json', url);
    return { bytes, headers: answered, encoding: answered['content-encoding'] };
  };
  // One is cached as bytes, one is built for the request, one is written by the framework.
  await bob.put(`${chat}/read`, { id: '1' });
  for (const url of [chat, `${chat}?limit=19`, '/api/search?q=nine']) {
    const plain = await get(url, '');
    t.ok(plain.bytes.length > 1024, url);
    t.equal(plain.encoding, undefined);
    t.equal(plain.headers.vary, 'accept-encoding');
    for (const [accepted, expected] of [
      ['gzip, deflate, br, zstd', 'br'],
      ['gzip, deflate', 'gzip'],
      ['br;q=0, GZIP;q=0.5', 'gzip'],
    ] as const) {
      for (const method of ['GET', 'HEAD', 'GET'] as const) {
        const { bytes, encoding, headers } = await get(url, accepted, method);
        t.match(headers, { vary: 'accept-encoding', 'cache-control': 'no-store' });
        t.equal(encoding, expected, `${method} ${url} ${accepted}`);
        if (method === 'HEAD') continue;
        t.equal(Number(headers['content-length']), bytes.length);
        t.ok(bytes.length < plain.bytes.length / 2, `${bytes.length} of ${plain.bytes.length}`);
        t.ok(unpack[expected]?.(bytes).equals(plain.bytes));
      }
    }
    t.equal((await get(url, 'identity, zstd')).encoding, undefined);
  }
  for (const url of ['/api/session', `${chat}?limit=1`, '/healthz']) {
    const { encoding, headers } = await get(url, 'gzip, br');
    t.equal(encoding, undefined, `${url} is short`);
    t.equal(headers.vary, undefined);
  }
});

t.test('a cached page is compressed once, until it changes', async (t) => {
  const { alice, chat } = await startCast(t);
  for (let i = 0; i < 20; i++) await alice.send(chat, `Message ${i}: shall we meet at nine?`);
  let count = 0;
  const { br } = coders;
  t.capture(coders, 'br', (bytes: Buffer) => {
    count += 1;
    return br(bytes);
  });
  const get = () => alice.get(chat, { 'accept-encoding': 'br' });
  for (let i = 0; i < 5; i++) await get();
  t.equal(count, 1);
  await alice.send(chat, 'At ten.');
  for (let i = 0; i < 5; i++) await get();
  t.equal(count, 2);
});

t.test('an answer longer than a page is not compressed, which would hold up others', async (t) => {
  const { app, alice } = await startCast(t);
  const get = (url: string) =>
    app.inject({ url, headers: { 'accept-encoding': 'br' }, cookies: alice.cookies });
  for (let i = 0; i < 80; i++) {
    await alice.send(await alice.createChat(`chat ${i}`), `${i} ${'ü and some more '.repeat(240)}`);
  }
  const whole = await get('/api/chats');
  t.ok(whole.rawPayload.length > 256 * 1024);
  t.equal(whole.headers['content-encoding'], undefined);
  t.equal(whole.json().chats.length, 81);
  t.equal((await get('/api/chats?limit=50')).headers['content-encoding'], 'br');
});

/** As many requests as a client may send before anything is answered. */
const depth = 400;

t.test('a client that never reads its files uses no descriptors and no memory', async (t) => {
  const server = await startServer(t, join(await tempFolder(t), 'snug.db'), {
    wrapper: ['sh', '-c', 'ulimit -n 1024; exec "$@"', 'sh'],
  });
  const before = { files: descriptors(server), bytes: residence(server) };
  const { port } = new URL(server.url);
  let most = { opened: 0, grown: 0 };
  for (const url of [...places, '/healthz']) {
    const asked = Array.from({ length: 10 }, () => pipeline(t, Number(port), url, depth));
    const lines = await Promise.all(asked);
    const page = await fetch(`${server.url}/`);
    t.equal(page.status, 200, `a newcomer is served during ${url}`);
    await page.arrayBuffer();
    const opened = descriptors(server) - before.files;
    const grown = Math.round((residence(server) - before.bytes) / 1e6);
    most = { opened: Math.max(most.opened, opened), grown: Math.max(most.grown, grown) };
    for (const line of lines) line.destroy();
  }
  t.ok(most.opened < 30, `${most.opened} descriptors, of which 11 are connections`);
  t.ok(most.grown < 100, `${most.grown} MB after all of them`);
  t.comment(`${most.opened} descriptors more, ${most.grown} MB more`);
});
