/** Rate limits: what is counted, for which client, and who is never locked out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { InjectOptions } from 'fastify';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { Refusal } from '../../src/errors.ts';
import { placeOf } from '../../src/http/address.ts';
import { LruMap } from '../../src/http/lru-map.ts';
import { limits } from '../../src/http/rate-limit.ts';
import { RateLimiter } from '../../src/http/rate-limiter.ts';
import { baseCosts, budget } from '../../src/http/read-limit.ts';
import { Turns } from '../../src/http/turns.ts';
import { LoginThrottle } from '../../src/sessions/login-throttle.ts';
import { done, refused } from '../helpers/answers.ts';
import { seedOf } from '../helpers/random.ts';
import { nameOf, routesOf } from '../helpers/routes.ts';
import { RemotePerson, startServer } from '../helpers/server.ts';
import { type Answer, type Person, password, startWorld, tempFolder } from '../helpers/world.ts';

const tooOften = 'Too many requests. Wait a moment and try again.';
const wrong = 'The name or the password is wrong.';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** A server with limits, whose clock stands still until a test sets it forward. */
async function startLimited(t: Test, env: Record<string, string> = {}) {
  const time = { now: hour };
  const lines: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const world = await startWorld(
    t,
    { RATE_LIMIT: 'on', ...env },
    { ticks: () => time.now, logger },
  );
  return { ...world, time, warnings: () => lines.map((line) => JSON.parse(line)) };
}

function login(
  person: Person,
  name: string,
  given: string,
  remoteAddress: string,
): Promise<Answer> {
  const payload = { name, password: given };
  return person.request({ method: 'POST', url: '/api/login', payload, remoteAddress });
}

/** As many different addresses as needed. */
function addresses() {
  let count = 0;
  return () => `10.1.${++count >> 8}.${count & 255}`;
}

/** The seconds in Retry-After. */
function waitOf(t: Test, answer: Answer, name = ''): number {
  refused(t, answer, 429, tooOften, name);
  const text = String(answer.headers['retry-after']);
  t.match(text, /^[1-9]\d*$/, `${name} Retry-After`);
  return Number(text);
}

const asked: Record<keyof typeof limits, InjectOptions> = {
  login: { method: 'POST', url: '/api/login' },
  register: { method: 'POST', url: '/api/user' },
  password: { method: 'PUT', url: '/api/user/1/password' },
  invite: { method: 'GET', url: '/api/invites/never-was' },
  search: { method: 'GET', url: '/api/search' },
  lookup: { method: 'GET', url: '/api/user/999' },
  profile: { method: 'PUT', url: '/api/user/999' },
  write: { method: 'POST', url: '/api/chats/999' },
  // Refused for its cursor after it was counted, so no stream is opened.
  stream: { method: 'GET', url: '/api/events?since=x' },
  unknown: { method: 'GET', url: '/wp-login.php' },
};

t.test('a limit reports what is left, refuses the rest, and recovers with time', async (t) => {
  const { register, time } = await startLimited(t);
  const alice = await register('alice');
  const bob = await register('bob');
  time.now += hour;
  for (const [name, { quota, window, by }] of Object.entries(limits)) {
    const step = (window * second) / quota;
    const request = asked[name as keyof typeof limits];
    const policy = `"${name}";q=${quota};w=${window}`;
    const expect = (answer: Answer, left: number, reset: number) => {
      const { 'ratelimit-policy': given, ratelimit } = answer.headers;
      const state = `"${name}";r=${left};t=${Math.ceil(reset / second)}`;
      t.strictSame([given, ratelimit], [policy, state], `${name}, ${left} left`);
    };
    for (let used = 1; used <= quota; used++) {
      const answer = await alice.request(request);
      t.not(answer.status, 429, `${name} ${used}`);
      expect(answer, quota - used, used * step);
    }
    for (let i = 0; i < 3; i++) {
      const answer = await alice.request(request);
      t.equal(waitOf(t, answer, name), Math.ceil(step / second), 'refused requests do not count');
      expect(answer, 0, window * second);
    }
    const other = by === 'user' ? bob : alice;
    const remoteAddress = by === 'user' ? '127.0.0.1' : '127.0.0.2';
    t.not((await other.request({ ...request, remoteAddress })).status, 429, `${name}: another`);
    time.now += step - 1;
    waitOf(t, await alice.request(request), `${name} is not back yet`);
    time.now += 1;
    expect(await alice.request(request), 0, window * second);
    t.equal((await alice.get('/api/chats')).status, 200, 'requests without a limit are served');
  }
});

t.test('a limited request is refused before it is read', async (t) => {
  const { nobody } = await startLimited(t);
  const headers = { 'content-type': 'application/json' };
  const payload = 'x'.repeat(100_000);
  const send = () => nobody().request({ ...asked.login, headers, payload });
  for (let i = 0; i < 10; i++) t.equal((await send()).status, 413);
  waitOf(t, await send());
});

/** Routes that affect only oneself have no limit. */
const unlimited = [
  'DELETE /api/sessions',
  'DELETE /api/chats',
  'PUT /api/chats/:chat_id/read',
  'PUT /api/users/:user_id',
];

t.test('every route that changes something has a limit, with a few exceptions', async (t) => {
  const routes = await routesOf(() => startWorld(t));
  const without = routes.filter(({ config }) => config?.limit === undefined).map(nameOf);
  t.strictSame(
    without.filter((name) => !name.startsWith('GET ')),
    unlimited,
  );
});

t.test('RATE_LIMIT=off turns off all limits', async (t) => {
  const { nobody, register } = await startWorld(t);
  await register('alice');
  for (let i = 0; i < 12; i++) {
    const answer = await nobody().post('/api/login', { name: 'alice', password: 'not my own' });
    refused(t, answer, 400, wrong);
    t.notOk(answer.headers['ratelimit-policy'] ?? answer.headers.ratelimit);
  }
});

t.test(
  'however requests are timed, none passes without quota, and none waits too long',
  async (t) => {
    const limit = { quota: 5, window: 10 };
    const gaps = fc.array(fc.oneof(fc.nat(3 * second), fc.nat(40 * second)), { maxLength: 60 });
    const run = (list: number[]) => {
      let now = 12_345;
      let room = limit.quota;
      const limiter = new RateLimiter(() => now + 0.7);
      for (const gap of list) {
        now += gap;
        room = Math.min(limit.quota, room + (gap * limit.quota) / (limit.window * second));
        const { left, wait } = limiter.consume('somebody', limit);
        const mayPass = room >= 1 - 1e-9;
        if (mayPass !== (wait === 0)) return false;
        if (mayPass) room -= 1;
        if (left !== Math.floor(room + 1e-9)) return false;
        if (!mayPass && Math.abs(wait - (1 - room) * 2 * second) > 1e-6) return false;
      }
      return true;
    };
    // A failure prints the shortest list of gaps.
    t.doesNotThrow(() => fc.assert(fc.property(gaps, run), { seed: seedOf(t), numRuns: 300 }));
  },
);

/** The cost of an answer to its reader. */
const costOf = ({ text }: Answer) => baseCosts.read + Buffer.byteLength(text);

t.test('reading is limited by cost, for each user separately', async (t) => {
  const { register, time } = await startLimited(t);
  const alice = await register('alice');
  const bob = await register('bob');
  const chat = await alice.createChat('Sunday hike');
  for (let i = 0; i < 9; i++) await alice.send(chat, `x${'\u0001'.repeat(3999)}`);
  time.now += hour;
  let spent = 0;
  let served = 0;
  let answer = await alice.get(chat);
  for (; answer.status === 200; answer = await alice.get(chat)) {
    spent += costOf(answer);
    served += 1;
    const isHalf = spent > budget.quota / 2 + 300_000;
    if (isHalf) t.match(answer.headers.ratelimit, /^"read";r=\d+;t=\d+$/);
    else if (spent < budget.quota / 2) t.notOk(answer.headers.ratelimit);
  }
  const most = costOf(await bob.get('/api/chats')) + 300_000;
  t.ok(spent >= budget.quota && spent < budget.quota + most, `${served} times, ${spent} bytes`);
  const wait = waitOf(t, answer);
  t.match(answer.headers['ratelimit-policy'], `"read";q=${budget.quota};qu="content-bytes";w=60`);
  for (const url of ['/api/session', '/api/chats', '/icon.svg']) {
    if (url !== '/icon.svg') waitOf(t, await alice.get(url), 'whatever is requested');
    t.equal((await bob.get(url)).status, 200, 'no other user is affected');
  }
  t.equal((await alice.otherDevice().then((device) => device.get(chat))).status, 429);
  time.now += wait * second;
  t.equal((await alice.get(chat)).status, 200, 'after the wait it is served');
  time.now += 30 * second;
  let again = 0;
  while ((await alice.get(chat)).status === 200) again += 1;
  t.ok(again > 0.45 * served && again < 0.55 * served, 'half of it after half a minute');
});

t.test('an answer costs its bytes, however many it has', async (t) => {
  const { register, time } = await startLimited(t);
  const alice = await register('alice');
  const chat = await alice.createChat('山'.repeat(100));
  for (let i = 0; i < 30; i++) await alice.createChat(`${'山'.repeat(90)} ${i}`);
  const id = await alice.send(chat, '山'.repeat(4000));
  for (let i = 0; i < 20; i++) await alice.send(chat, `x${'\u0001'.repeat(3999)}`);
  time.now += hour;
  for (let spent = 0; spent < budget.quota / 2; ) spent += costOf(await alice.get(chat));
  const left = ({ headers }: Answer) => Number(/r=(\d+)/.exec(String(headers.ratelimit))?.[1]);
  // The list of all one's chats has no other bound.
  for (const url of ['/api/chats', `${chat}/messages/${id}`, `${chat}/members`, chat]) {
    const answer = await alice.get(url);
    const next = await alice.get('/api/session');
    t.equal(left(answer) - left(next), costOf(answer), url);
  }
});

t.test('in each turn of the event loop, one request of a user is served', async (t) => {
  const turns = new Turns<string>();
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2']) turns.take(name.slice(0, 1), note(name));
  t.strictSame(order, ['a1', 'b1'], 'others do not wait');
  await new Promise((resolve) => void setImmediate(resolve));
  t.strictSame(order.slice(2), ['a2', 'b2']);
  turns.take('c', note('c1'));
  t.equal(order.at(-1), 'c1', 'nor does a later request');
  await new Promise((resolve) => void setImmediate(resolve));
  t.strictSame(order.slice(5), ['a3'], 'and none is forgotten');
});

t.test('the limit by cost is far above normal use', async (t) => {
  const { register, time } = await startLimited(t);
  const alice = await register('alice');
  const chat = await alice.createChat('Sunday hike');
  for (let i = 0; i < 50; i++) await alice.send(chat, 'Shall we meet at the café, at nine?');
  time.now += hour;
  const costs = async (url: string) => costOf(await alice.get(url));
  const page = await costs(chat);
  const start = (await costs('/api/chats')) * 200 + (await costs('/api/session'));
  const reload = start + 200 * (page + (await costs(`${chat}/members`)));
  t.comment(`${reload} bytes for a reload of 200 chats with all their members`);
  t.ok(15 * reload < budget.quota, 'on 15 devices within the same minute');
  t.ok(60 * 10 * page < budget.quota / 4, 'ten pages a second while scrolling');
});

t.test('a stranger’s reading is limited by address, on every public route', async (t) => {
  const { nobody, register, time } = await startLimited(t);
  const alice = await register('alice');
  const ask = (url: string, remoteAddress: string) => nobody().request({ url, remoteAddress });
  const url = '/docs/swagger-ui-bundle.js';
  let served = 0;
  while ((await ask(url, '192.0.2.7')).status === 200) served += 1;
  t.ok(served > 30 && served < 60, `${served}`);
  const routes = await routesOf(() => startWorld(t));
  const open = routes.filter(({ config }) => config?.public === true).map(nameOf);
  for (const name of open.filter((name) => name.startsWith('GET ') && name !== 'GET /healthz')) {
    const path = name.replace('GET ', '').replace(':file', 'x.js');
    waitOf(t, await ask(path, '192.0.2.7'), name);
    t.not((await ask(path, '192.0.2.8')).status, 429, 'another address');
  }
  t.equal((await ask('/healthz', '192.0.2.7')).status, 200, 'a health check is answered');
  t.equal((await alice.request({ url: '/api/chats', remoteAddress: '192.0.2.7' })).status, 200);
  const six = (n: number) => ask(url, `2001:db8::${n.toString(16)}`);
  for (let i = 1; i <= served + 1; i++) await six(i);
  waitOf(t, await six(4711), 'a /64 counts as one');
  time.now += minute;
  t.equal((await ask(url, '192.0.2.7')).status, 200);
});

t.test('writes without a limit of their own cost more', async (t) => {
  const { register, time } = await startLimited(t);
  const alice = await register('alice');
  const chat = await alice.createChat('Sunday hike');
  const id = await alice.send(chat, 'hello');
  time.now += hour;
  let marked = 0;
  while ((await alice.put(`${chat}/read`, { id: String(id) })).status === 200) marked += 1;
  t.ok(marked > 900 && marked <= budget.quota / baseCosts.write, `${marked}`);
});

t.test('the number of remembered keys is bounded', async (t) => {
  const limiter = new RateLimiter(() => 0);
  const once = { quota: 1, window: 1 };
  const isRefused = (key: string) => limiter.consume(key, once).wait > 0;
  t.notOk(isRefused('first'));
  for (let i = 0; i < 9_999; i++) limiter.consume(`key ${i}`, once);
  t.ok(isRefused('first'), 'ten thousand are remembered');
  limiter.consume('another', once);
  t.notOk(isRefused('key 0'), 'of more, the least recently used is forgotten');
});

t.test('recently used keys are remembered longer, however many come and go', async (t) => {
  const lru = new LruMap<number>(3);
  for (let i = 0; i < 1_000; i++) {
    lru.get('wanted');
    lru.set(i === 0 ? 'wanted' : `key ${i}`, i);
  }
  const present = ['wanted', 'key 997', 'key 998', 'key 999'].filter((key) => lru.has(key));
  t.same(present, ['wanted', 'key 998', 'key 999']);
  lru.delete('wanted');
  lru.set('key 1000', 1_000);
  t.ok(lru.has('key 998'), 'a deleted key makes room');
});

t.test('an address counts as the network of one customer', async (t) => {
  for (const [ip, place] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:207', '192.0.2.7'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0:0:1::', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['2001:0db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['unknown', 'elsewhere'],
    ['192.0.2.7:1234', 'elsewhere'],
    ['x'.repeat(10_000), 'elsewhere'],
    ['', 'elsewhere'],
  ] as const) {
    t.equal(placeOf(ip), place, ip.slice(0, 60));
  }
});

/** Uses up the quota of sign-ins, one per call of `as`; returns whether `then` is refused. */
async function exhaust(t: Test, nobody: Person, as: (i: number) => InjectOptions) {
  for (let i = 0; i < limits.login.quota; i++) {
    t.equal((await nobody.request({ ...asked.login, ...as(i) })).status, 400, `${i}`);
  }
  return async (then: InjectOptions) =>
    (await nobody.request({ ...asked.login, ...then })).status === 429;
}

t.test('only trusted proxies say which client is counted', async (t) => {
  const forwarded = (value: string) => ({ headers: { 'x-forwarded-for': value } });
  const from = (remoteAddress: string, value: string) => ({ remoteAddress, ...forwarded(value) });

  const plain = await startLimited(t);
  const isRefused = await exhaust(t, plain.nobody(), (i) => forwarded(`6.6.6.${i}`));
  t.ok(await isRefused(forwarded('6.6.7.7')), 'without a proxy, the header is ignored');
  t.notOk(await isRefused({ remoteAddress: '127.0.0.2' }));

  const env = { TRUST_PROXY: '10.0.0.1,10.2.0.0/16' };
  const proxied = await startLimited(t, env);
  const isRefusedBehind = await exhaust(t, proxied.nobody(), (i) =>
    from('10.0.0.1', `6.6.6.${i}, 7.7.7.7, 10.2.0.${i}`),
  );
  t.ok(await isRefusedBehind(from('10.2.9.9', '7.7.7.7')), 'entries before it are not trusted');
  t.notOk(await isRefusedBehind(from('10.0.0.1', '7.7.7.8')));
  t.notOk(
    await isRefusedBehind(from('10.0.0.2', '7.7.7.7')),
    'another peer is counted by its own address',
  );
  for (let i = 0; i < 9; i++) await isRefusedBehind(from('10.0.0.2', `8.8.8.${i}`));
  t.ok(await isRefusedBehind(from('10.0.0.2', '9.9.9.9')), 'whatever its header says');

  const six = await startLimited(t);
  const isClosed = await exhaust(t, six.nobody(), (i) => ({ remoteAddress: `2001:db8::${i}:1` }));
  t.ok(await isClosed({ remoteAddress: '2001:db8::ffff:ffff:ffff:ffff' }), 'the same /64');
  t.notOk(await isClosed({ remoteAddress: '2001:db8:0:1::1' }), 'the next one');
});

t.test('sign-ins with many names from one address are limited to ten a minute', async (t) => {
  const { nobody, time } = await startLimited(t);
  const statuses: number[] = [];
  for (let i = 0; i < 200; i++) {
    if (i === 100) time.now += minute;
    statuses.push((await login(nobody(), `user ${i}`, password, '192.0.2.7')).status);
  }
  const tried = statuses.map((status, i) => (status === 400 ? i : -1)).filter((i) => i >= 0);
  t.strictSame(tried, [...range(0, 10), ...range(100, 110)]);
});

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

t.test('repeated guesses wait longer and longer, whether the account exists or not', async (t) => {
  const { nobody, register, time, warnings } = await startLimited(t);
  const alice = await register('alice');
  const next = addresses();
  const guess = (name: string) => login(nobody(), name, 'not this one', next());
  const expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900];
  const seen: Record<string, unknown[]> = {};
  for (const name of ['alice', 'no such person']) {
    const answers: Answer[] = [];
    for (let i = 0; i < 5; i++) answers.push(await guess(name));
    for (const seconds of expected) {
      const spelled = name.toUpperCase();
      const answer = await guess(spelled);
      t.equal(waitOf(t, answer, name), seconds);
      time.now += seconds * second - 1;
      t.equal(waitOf(t, await guess(name), name), 1);
      time.now += 1;
      answers.push(answer, await guess(spelled));
    }
    time.now += hour;
    refused(t, await guess(name), 400, wrong);
    t.equal(waitOf(t, await guess(name), name), 900, 'an hour ago is remembered');
    time.now += hour + 1;
    for (let i = 0; i < 5; i++) answers.push(await guess(name));
    seen[name] = answers.map(({ status, text, headers: { date, ...rest } }) => [
      status,
      text,
      rest,
    ]);
  }
  t.strictSame(seen.alice, seen['no such person'], 'nothing shows which of the two exists');
  const logged = warnings().filter(({ msg }) => msg === 'wrong passwords: slowing down');
  t.match(logged, [
    { level: 40, user: alice.id, address: '10.1.0.5' },
    { level: 40, user: alice.id, address: /^10\.1\.0\.\d+$/ },
    { level: 40, address: /^10\.1\.0\.\d+$/ },
    { level: 40, address: /^10\.1\.0\.\d+$/ },
  ]);
  t.equal(logged.length, 4, 'logged once, when it starts');
  t.notOk('user' in logged[2]);
  t.notMatch(JSON.stringify(warnings()), /no such|alice|not this/i, 'names are not logged');
});

t.test('concurrent guesses count like sequential ones', async (t) => {
  const { nobody, register } = await startLimited(t);
  await register('alice');
  const next = addresses();
  const answers = await Promise.all(
    range(0, 20).map(() => login(nobody(), 'alice', 'not this one', next())),
  );
  const statuses = answers.map(({ status }) => status).sort();
  t.strictSame(statuses, [...Array(5).fill(400), ...Array(15).fill(429)]);
});

t.test('nobody can lock a user out of their own account', async (t) => {
  const { nobody, register } = await startLimited(t);
  const alice = await register('alice');
  const bob = await register('bob');
  const next = addresses();
  for (let i = 0; i < 5; i++) {
    refused(t, await login(nobody(), 'alice', 'not this one', next()), 400, wrong);
  }
  waitOf(t, await login(nobody(), 'alice', password, next()), 'a stranger with the password');

  t.equal((await alice.get('/api/chats')).status, 200, 'a signed-in user stays in');
  const home = '127.0.0.1';
  done(t, await login(nobody(), 'alice', password, home));
  waitOf(t, await login(nobody(), 'alice', password, next()), 'it admits no stranger');
  const phone = Object.assign(nobody(), { cookies: { ...alice.cookies } });
  done(t, await login(phone, 'alice', password, '10.3.0.1'));
  done(t, await login(nobody(), 'alice', password, '10.3.0.1'));

  refused(t, await login(nobody(), 'alice', 'not this one', '10.3.1.1'), 400, wrong);
  waitOf(t, await login(bob, 'alice', password, '10.3.1.2'), 'another user’s session');
  const forger = Object.assign(nobody(), {
    cookies: { user_id: String(alice.id), token: 'A'.repeat(43) },
  });
  waitOf(t, await login(forger, 'alice', password, '10.3.1.2'), 'a forged one');
  waitOf(t, await login(alice, 'alice', password, '10.3.1.2'), 'one that has ended');
});

t.test('a known network and a session have their own, limited tries', async (t) => {
  const { nobody, register, time } = await startLimited(t);
  const alice = await register('alice');
  const school = '127.0.0.1';
  done(t, await login(nobody(), 'alice', password, '10.3.0.1'));
  const fail = (person: Person, address: string) => login(person, 'alice', 'not this', address);
  for (let i = 0; i < 5; i++) refused(t, await fail(nobody(), school), 400, wrong);
  t.equal(waitOf(t, await login(nobody(), 'alice', password, school)), 1);
  done(t, await login(nobody(), 'alice', password, '10.3.0.1'));
  time.now += minute;
  done(t, await login(nobody(), 'alice', password, school));
  for (let i = 0; i < 4; i++) refused(t, await fail(nobody(), school), 400, wrong);
  done(t, await login(nobody(), 'alice', password, school));
  time.now += minute;
  refused(t, await fail(nobody(), school), 400, wrong, 'the right password has ended the series');

  const copy = () => Object.assign(nobody(), { cookies: { ...alice.cookies } });
  for (let i = 0; i < 5; i++) refused(t, await fail(copy(), '10.3.0.1'), 400, wrong);
  waitOf(t, await fail(copy(), '10.3.0.1'));
});

t.test('the current password is no easier to guess', async (t) => {
  const { nobody, register, time, warnings } = await startLimited(t);
  const alice = await register('alice');
  const phone = nobody();
  done(t, await login(phone, 'alice', password, '10.3.0.1'));
  const change = (person: Person, current: string) => {
    const fields = { current_password: current, password: 'paper kite in october' };
    return person.put(`/api/user/${alice.id}/password`, fields);
  };
  for (let i = 0; i < 5; i++) {
    refused(t, await change(alice, 'not this one'), 400, 'The current password is wrong.');
  }
  t.equal(waitOf(t, await change(alice, password)), 1, 'nor with the right one');
  t.match(warnings(), [{ user: alice.id, address: '127.0.0.1' }]);
  time.now += minute;
  refused(t, await change(alice, 'not this one'), 400, 'The current password is wrong.');
  waitOf(t, await change(alice, password));
  done(t, await change(phone, password), 200);
});

t.test('a password that could not be checked does not count as a guess', async (t) => {
  const throttle = new LoginThrottle(() => hour, { isOn: true });
  const request = { ip: '192.0.2.7', log: { warn: () => undefined } };
  const guess = { nameKey: 'alice', userId: 1, session: undefined, isKnown: false };
  const busy = async () => {
    throw new Refusal('busy');
  };
  for (let i = 0; i < 20; i++) {
    await t.rejects(throttle.check(request, guess, busy), { code: 'busy' });
  }
  const isWrong = async () => false;
  for (let i = 0; i < 5; i++) t.equal(await throttle.check(request, guess, isWrong), false);
  await t.rejects(throttle.check(request, guess, isWrong), { code: 'too_often', wait: second });
});

t.test('health checks by any method use up no limit on unknown addresses', async (t) => {
  const { nobody } = await startWorld(t, { RATE_LIMIT: 'on' });
  const { quota } = limits.unknown;
  for (let i = 0; i < 2 * quota; i++) {
    const url = ['/', '/healthz', '/openapi.json'][i % 3] as string;
    const method = (['HEAD', 'OPTIONS', 'POST'] as const)[Math.floor(i / 3) % 3] as 'HEAD';
    t.ok([200, 204, 405].includes((await nobody().request({ method, url })).status));
  }
  const answer = await nobody().request(asked.unknown);
  refused(t, answer, 404);
  t.match(answer.headers.ratelimit, new RegExp(`r=${quota - 1};`));
});

t.test('changes of the system clock neither admit nor lock out anybody', async (t) => {
  const { nobody, clock } = await startWorld(t, { RATE_LIMIT: 'on' });
  for (let i = 0; i < limits.unknown.quota; i++) await nobody().request(asked.unknown);
  const { now } = Date;
  t.teardown(() => {
    Date.now = now;
  });
  for (const time of [now() - hour, 0, now() + 10 * 365 * 24 * hour, -1e12]) {
    clock.now = time;
    Date.now = () => time;
    t.equal(waitOf(t, await nobody().request(asked.unknown)), 1);
  }
});

/** The 99th percentile. */
const p99 = (times: number[]) => times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)];

/** Runs `act` repeatedly until `work` is done, and returns how long each run took, in ms. */
async function timesDuring(work: Promise<unknown>, act: () => Promise<void>): Promise<number[]> {
  let isDone = false;
  void work.finally(() => {
    isDone = true;
  });
  const times: number[] = [];
  while (!isDone) {
    const start = performance.now();
    await act();
    times.push(performance.now() - start);
  }
  return times;
}

/** Sends this many requests, some at a time, and counts the answers by status. */
async function flood(
  count: number,
  { atOnce }: { atOnce: number },
  send: (i: number) => Promise<Response>,
): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  const left = range(0, count).values();
  const sendOn = async () => {
    for (const i of left) {
      const answer = await send(i);
      await answer.arrayBuffer();
      counts[answer.status] = (counts[answer.status] ?? 0) + 1;
    }
  };
  await Promise.all(range(0, atOnce).map(sendOn));
  return counts;
}

/** Generous, for a machine with other work. */
const soon = 1_000;

t.test('a user who repeats the most expensive request delays nobody else', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const { url } = await startServer(t, file, { env: { RATE_LIMIT: 'on' } });
  const [alice, bob] = [new RemotePerson(url), new RemotePerson(url)];
  for (const person of [alice, bob]) await person.register(person === alice ? 'alice' : 'bob');
  const start = performance.now();
  const storm = flood(2_000, { atOnce: 20 }, () => alice.get('/api/search?q=hello'));
  const times = await timesDuring(storm, async () => {
    t.equal((await bob.get('/api/search?q=hello')).status, 200);
    t.equal((await bob.get('/healthz')).status, 200);
  });
  const { 200: found = 0, 429: limited = 0 } = await storm;
  t.comment(`${found} found, ${limited} limited; p99 of bob ${p99(times)} ms of ${times.length}`);
  const { quota, window } = limits.search;
  const comeBack = ((performance.now() - start) / second) * (quota / window);
  t.ok(found >= quota && found <= quota + comeBack + 1, `${found}`);
  t.equal(found + limited, 2_000);
  t.ok(Number(p99(times)) < soon);
});

t.test('many simultaneous sign-ins delay nobody, and take bounded memory', async (t) => {
  const server = await startServer(t, join(await tempFolder(t), 'snug.db'));
  const alice = await new RemotePerson(server.url).register('alice');
  const before = memoryOf(server.child.pid);
  const stranger = new RemotePerson(server.url);
  const fields = (i: number) => ({ name: i % 2 === 0 ? 'alice' : 'dora', password: `wrong ${i}` });
  const logIn = (i: number) => stranger.send('POST', '/api/login', fields(i));
  const storm = flood(150, { atOnce: 150 }, logIn);
  const paths = ['/api/chats', '/', '/icon.svg', '/docs/swagger-ui.css', '/healthz'];
  const times = await timesDuring(storm, async () => {
    for (const path of paths) t.equal((await alice.get(path)).status, 200, path);
  });
  const { 400: tried = 0, 503: turnedAway = 0 } = await storm;
  const grown = Math.round((memoryOf(server.child.pid) - before) / 1e6);
  t.comment(`${tried} tried, ${turnedAway} turned away; p99 ${p99(times)} ms; ${grown} MB more`);
  t.equal(tried + turnedAway, 150);
  t.ok(tried >= 100 && turnedAway > 0, 'as many are tried as can wait; others may come back');
  t.ok(Number(p99(times)) < soon);
  // The C library holds some 20 MB for each thread that has ever hashed.
  t.notOk(grown > 300, 'far from 20 MB for each sign-in');
  t.equal((await logIn(0)).status, 400, 'it still works');
});

/** The peak memory of a process, in bytes; NaN where there is no /proc. */
function memoryOf(pid = 0): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}

/** TIMING_SAMPLES=200 measures more precisely. */
const samples = Number(process.env.TIMING_SAMPLES ?? 40);

t.test('a sign-in takes equally long for an unknown name', async (t) => {
  const { nobody, register } = await startWorld(t);
  await register('alice');
  const times: Record<string, number[]> = { alice: [], dora: [] };
  for (let i = 0; i < 2 * samples; i++) {
    const name = i % 2 === 0 ? 'alice' : 'dora';
    const start = performance.now();
    await login(nobody(), name, 'not this one', '192.0.2.7');
    times[name]?.push(performance.now() - start);
  }
  const [existing, unknown] = [quartilesOf(times.alice), quartilesOf(times.dora)];
  const difference = Math.abs(existing.median - unknown.median);
  const noise = Math.max(existing.spread, unknown.spread);
  t.comment(`medians ${existing.median} and ${unknown.median} ms, spread ${noise} ms`);
  t.ok(difference < noise, `${difference} ms`);
});

function quartilesOf(times: number[] = []): { median: number; spread: number } {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
  return { median: at(0.5), spread: at(0.75) - at(0.25) };
}
