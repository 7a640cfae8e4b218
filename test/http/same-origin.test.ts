import { pino } from 'pino';
import t from 'tap';
import { Refusal } from '../../src/errors.ts';
import { done, refused } from '../helpers/answers.ts';
import { nameOf, routesOf } from '../helpers/routes.ts';
import { startCast, startWorld } from '../helpers/world.ts';

const { message: sentence } = new Refusal('cross_site');

/** What a request says about its origin, and whether that is our own page or no browser. */
const origins: [name: string, headers: Record<string, string>, isOwn: boolean][] = [
  ['a program', {}, true],
  ['our page', { 'sec-fetch-site': 'same-origin', origin: 'http://chat.example' }, true],
  ['the address bar', { 'sec-fetch-site': 'none' }, true],
  ['another site', { 'sec-fetch-site': 'cross-site' }, false],
  ['a sibling site', { 'sec-fetch-site': 'same-site' }, false],
  [
    'another site with our Origin',
    { 'sec-fetch-site': 'cross-site', origin: 'http://chat.example' },
    false,
  ],
  ['an unknown value', { 'sec-fetch-site': 'SAME-ORIGIN' }, false],
  ['an older browser on our page', { origin: 'http://chat.example' }, true],
  ['an older browser on another site', { origin: 'https://evil.example' }, false],
  ['an older browser in a sandbox', { origin: 'null' }, false],
  ['our host by another port', { origin: 'http://chat.example:8080' }, false],
  ['our host by another scheme', { origin: 'https://chat.example' }, false],
  [
    'our page by a name that the proxy replaces',
    { origin: 'http://pi.lan', 'x-requested-with': 'Snug' },
    true,
  ],
  [
    'another site that claims to be our page',
    { 'sec-fetch-site': 'cross-site', 'x-requested-with': 'Snug' },
    false,
  ],
  ['a host that starts like ours', { origin: 'http://chat.example.evil.example' }, false],
];

const host = 'chat.example';

t.test('only our own page can change something', async (t) => {
  const { alice, chat } = await startCast(t, { ALLOWED_HOSTS: host });
  for (const [name, headers, isOwn] of origins) {
    const answer = await alice.request({
      method: 'POST',
      url: chat,
      headers: { host, 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: `content=${encodeURIComponent(name)}`,
    });
    if (isOwn) done(t, answer, 201);
    else refused(t, answer, 403, sentence, name);
  }
  const { messages } = (await alice.get(chat)).body;
  const wanted = origins.filter(([, , isOwn]) => isOwn).map(([name]) => name);
  t.strictSame(
    messages.map(({ content }: { content: string }) => content),
    wanted,
  );
});

t.test('every route but plain GETs is guarded, and so are logout and events', async (t) => {
  const routes = await routesOf(() => startWorld(t));
  const { alice, nobody } = await startCast(t, { ALLOWED_HOSTS: host });
  const headers = { host, 'sec-fetch-site': 'cross-site' };
  const guarded = routes.map(nameOf).filter((name) => !name.startsWith('GET '));
  for (const name of [...guarded, 'GET /api/logout', 'GET /api/events']) {
    const [method = '', pattern = ''] = name.split(' ');
    const url = pattern.replace(/:\w+/g, '1');
    for (const person of [alice, nobody()]) {
      const answer = await person.request({ method: method as 'GET', url, headers });
      refused(t, answer, 403, sentence, `${name} by ${person.name}`);
    }
  }
  t.equal((await alice.get('/api/chats', headers)).status, 200, 'reading gives nothing away');
});

t.test('PUBLIC_URL is our own address, behind any proxy', async (t) => {
  const { alice, chat } = await startCast(t, { PUBLIC_URL: 'https://chat.example' });
  const send = (origin: string) =>
    alice.request({
      method: 'PUT',
      url: chat,
      headers: { host: 'inside:3000', origin },
      payload: { title: 'x' },
    });
  done(t, await send('https://chat.example'));
  refused(t, await send('http://chat.example'), 403, sentence);
});

t.test('X-Forwarded-Host counts only from a trusted proxy, with its scheme', async (t) => {
  const forwarded = { 'x-forwarded-host': 'pi.lan:8080', 'x-forwarded-proto': 'http' };
  for (const [proxies, origin, isOwn] of [
    ['127.0.0.1', 'http://pi.lan:8080', true],
    ['127.0.0.1', 'https://pi.lan:8080', false],
    ['127.0.0.1', 'http://pi.lan', false],
    ['127.0.0.1', 'http://localhost', false],
    ['10.0.0.1', 'http://pi.lan:8080', false],
    ['', 'http://pi.lan:8080', false],
  ] as const) {
    const { alice, chat } = await startCast(t, { TRUST_PROXY: proxies });
    const answer = await alice.request({
      ...{ method: 'PUT', url: chat, payload: { title: 'x' } },
      headers: { host: 'localhost', ...forwarded, origin },
    });
    if (isOwn) done(t, answer);
    else refused(t, answer, 403, sentence, `${proxies} ${origin}`);
  }
});

t.test('the log says once what to do about a host that is not the page’s', async (t) => {
  const lines: { level: number; msg: string }[] = [];
  const logger = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
  const { alice, chat } = await startCast(t, {}, { logger });
  const send = (headers: Record<string, string>) =>
    alice.request({ method: 'PUT', url: chat, payload: { title: 'x' }, headers });
  const warnings = () =>
    lines.filter(({ level, msg }) => level === 40 && msg.includes('PUBLIC_URL'));
  const host = '127.0.0.1:3000';
  const origin = 'http://pi.lan';
  await send({ host, origin: `http://${host}` });
  await send({ host, 'sec-fetch-site': 'cross-site', origin });
  t.strictSame(warnings(), [], 'nothing to do');
  for (const own of [{ 'x-requested-with': 'Snug' }, {}]) {
    for (let i = 0; i < 3; i++) await send({ host, origin, ...own });
    t.match(warnings(), [{ origin, host }]);
    lines.length = 0;
  }
});

t.test('a form of another site signs nobody in, in any encoding', async (t) => {
  const { nobody } = await startCast(t, { ALLOWED_HOSTS: host });
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data']) {
    const headers = { host, 'content-type': type, origin: 'https://evil.example' };
    const person = nobody();
    const answer = await person.request({
      method: 'POST',
      url: '/api/login',
      headers,
      payload: 'name=alice',
    });
    refused(t, answer, 403, sentence, type);
    t.strictSame(person.cookies, {});
  }
});
