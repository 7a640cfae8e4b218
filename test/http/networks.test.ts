/** The networks that people sign in from: known ones, and strangers, who share their limits. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { turnsOf } from '../../src/http/address.ts';
import { WideLimits, wideLimits } from '../../src/http/wide-limits.ts';
import { runMaintenance } from '../../src/jobs/maintenance.ts';
import { LoginThrottle } from '../../src/sessions/login-throttle.ts';
import { readSigner, rememberNetwork } from '../../src/sessions/networks.ts';
import { places } from '../../src/users/password-queue.ts';
import { done, refused } from '../helpers/answers.ts';
import { query } from '../helpers/rows.ts';
import { runSnug, startServer } from '../helpers/server.ts';
import {
  type Answer,
  openWorld,
  type Person,
  password,
  startWorld,
  tempFolder,
} from '../helpers/world.ts';

const wrong = 'The name or the password is wrong.';
const tooOften = 'Too many requests. Wait a moment and try again.';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

function login(person: Person, name: string, given: string, remoteAddress: string) {
  const payload = { name, password: given };
  return person.request({ method: 'POST', url: '/api/login', payload, remoteAddress });
}

/** The seconds in Retry-After. */
function waitOf(t: Test, answer: Answer, name = ''): number {
  refused(t, answer, 429, tooOften, name);
  return Number(answer.headers['retry-after']);
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** As many networks as needed, each of another owner. */
function networks() {
  let count = 0;
  return () => `2001:db8:${(++count).toString(16)}::1`;
}

t.test('the networks around an address take turns, the widest first', async (t) => {
  for (const [ip, found] of [
    ['192.0.2.7', ['192.0.2.0/24', '192.0.2.7']],
    ['::ffff:192.0.2.7', ['192.0.2.0/24', '192.0.2.7']],
    ['2001:db8:1:2fe::1', ['2001:db8:1::/48', '2001:db8:1:0200::/56', '2001:db8:1:2fe::/64']],
    ['2001:db8::1', ['2001:db8:0::/48', '2001:db8:0:0000::/56', '2001:db8:0:0::/64']],
    ['unknown', ['elsewhere']],
  ] as const) {
    t.strictSame(turnsOf(ip), found, ip);
  }
});

t.test('endless guesses lock nobody out, over a restart too', async (t) => {
  const time = { now: hour };
  const file = join(await tempFolder(t), 'snug.db');
  const env = { RATE_LIMIT: 'on' };
  const next = networks();
  const home = '198.51.100.7';
  let world = await openWorld(t, file, env, { ticks: () => time.now });
  await world.register('alice');
  done(t, await login(world.nobody(), 'alice', password, home));
  /** Sends a wrong password from a new address as soon as each wait ends. */
  const attack = async (rounds: number) => {
    for (let i = 0; i < rounds; i++) {
      const answer = await login(world.nobody(), 'alice', 'not this one', next());
      if (answer.status === 429) time.now += Number(answer.headers['retry-after']) * second;
      else refused(t, answer, 400, wrong);
    }
  };
  for (const isRestarted of [false, true]) {
    if (isRestarted) {
      await world.app.close();
      await world.db.close();
      world = await openWorld(t, file, env, { ticks: () => time.now });
    }
    for (let i = 0; i < 2; i++) {
      await attack(8);
      done(t, await login(world.nobody(), 'alice', password, home));
    }
    const place = isRestarted ? '203.0.113.9' : '2001:db8:ffff::9';
    done(t, await login(world.nobody(), 'alice', password, place));
  }
  await attack(8);
  const typo = () => login(world.nobody(), 'alice', 'correct horse', '192.0.2.77');
  refused(t, await typo(), 400, wrong);
  const wait = waitOf(t, await typo());
  t.ok(wait <= 60, 'a network has its own tries, a minute after the first');
  time.now += wait * second;
  done(t, await login(world.nobody(), 'alice', password, '192.0.2.77'));
});

t.test('tries that ignore the wait are bounded for each name', async (t) => {
  const time = { now: hour };
  const throttle = new LoginThrottle(() => time.now, { isOn: true });
  const next = networks();
  let verified = 0;
  const tries = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const request = { ip: next(), log: { warn: () => undefined } };
      const guess = { nameKey: 'alice', userId: 1, session: undefined, isKnown: false };
      const check = throttle.check(request, guess, async () => false);
      await check.then(() => (verified += 1)).catch(() => undefined);
    }
  };
  await tries(1_200);
  t.equal(verified, 5 + 1_000);
  time.now += 14 * minute;
  await tries(50);
  t.equal(verified, 5 + 1_000 + 9, 'they come back one by one: a thousand a day');
});

t.test('a known network is stored for 90 days from its last use, at most 20 a user', async (t) => {
  const { nobody, register, clock, file, db } = await startWorld(t);
  const alice = await register('alice');
  const bob = await register('bob');
  const rows = (id: number) =>
    query(file, 'select hash, seen_at from known_networks where user_id = ?', id);
  t.equal(rows(alice.id).length, 1);
  for (let i = 1; i <= 25; i++) {
    clock.now += 1;
    await db.write(rememberNetwork, { userId: alice.id, network: `198.51.${i}.1` });
    await db.write(rememberNetwork, { userId: bob.id, network: '198.51.1.1' });
  }
  done(t, await login(nobody(), 'alice', password, '198.51.100.1'));
  t.equal(rows(alice.id).length, 20);
  t.equal(rows(bob.id).length, 2, 'a known network occupies no second place');
  const hashes = [alice, bob].map(({ id }) => rows(id).map(({ hash }) => String(hash)));
  t.equal(new Set(hashes.flat()).size, 22, 'the file does not show which users share a network');
  for (const bytes of [await readFile(file), await readFile(`${file}-wal`)]) {
    t.notOk(bytes.includes('198.51.'), 'the file lists no addresses');
  }
  const isKnown = async (network: string) => {
    const signer = { nameKey: 'alice', network, now: clock.now };
    return (await db.read(readSigner, signer)).isKnown;
  };
  t.ok(await isKnown('198.51.100.1'));
  t.ok(await isKnown('198.51.25.1'));
  t.notOk(await isKnown('198.51.5.1'), 'the newest are stored');
  t.notOk(await isKnown('198.51.25.2'));
  for (let i = 0; i < 3; i++) {
    clock.now += 29 * day;
    t.equal((await bob.get('/api/chats')).status, 200);
    await db.write(async () => undefined, {});
  }
  clock.now += 3 * day;
  t.notOk(await isKnown('198.51.25.1'), '90 days later');
  await runMaintenance(db);
  t.equal(rows(alice.id).length, 0);
  t.equal(rows(bob.id).length, 1, 'the network of a session in use');
  done(t, await bob.form('DELETE', '/api/user', { current_password: password }));
  t.strictSame(query(file, 'select * from known_networks'), []);
});

t.test('strangers are limited by /56 and /48 as well', async (t) => {
  let now = hour;
  const limits = new WideLimits(() => now, { isOn: true });
  const passes = (name: keyof typeof wideLimits, group: number, site = 7) => {
    try {
      limits.take(name, `2001:db8:${site}:${group.toString(16)}::1`);
      return true;
    } catch {
      return false;
    }
  };
  for (const name of ['login', 'register'] as const) {
    const { '/56': home, '/48': site } = wideLimits[name];
    const count = (groups: number[]) => groups.filter((group) => passes(name, group)).length;
    t.equal(count(range(0, home.quota + 50).map((i) => i % 256)), home.quota, name);
    let passed = home.quota;
    for (const i of range(1, 20)) passed += count(range(i << 8, (i << 8) + 50));
    t.equal(passed, site.quota, name);
    t.notOk(passes(name, 0x9900), name);
    t.ok(passes(name, 0x9900, 8), 'the next /48');
    now += home.window * second;
    t.ok(passes(name, 0), 'after a while');
    for (const ip of ['192.0.2.7', 'unknown']) limits.take(name, ip);
  }
  const off = new WideLimits(() => now, { isOn: false });
  for (const i of range(0, 200)) off.take('login', `2001:db8:7:${i}::1`);
});

t.test('users at known networks are not counted with the strangers around them', async (t) => {
  const time = { now: hour };
  const env = { RATE_LIMIT: 'on' };
  const { nobody, register } = await startWorld(t, env, { ticks: () => time.now });
  await register('alice');
  const from = (i: number) => `2001:db8:7:${i.toString(16)}::1`;
  done(t, await login(nobody(), 'alice', password, from(0)));
  const { quota } = wideLimits.login['/56'];
  const strangers = await Promise.all(
    range(1, quota + 20).map((i) => login(nobody(), `nobody ${i}`, password, from(i))),
  );
  t.equal(strangers.filter(({ status }) => status === 400).length, quota - 1);
  waitOf(t, await login(nobody(), 'alice', password, from(99)), 'a stranger there');
  done(t, await login(nobody(), 'alice', password, from(0)));
});

t.test('a flood of sign-ins by strangers delays nobody at a known network', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const add = ['user', 'add', 'alice', '--email', 'alice@example.org'];
  await runSnug(t, file, add, { input: password });
  const env = { RATE_LIMIT: 'on', TRUST_PROXY: '127.0.0.1' };
  const { url } = await startServer(t, file, { env });
  const send = async (address: string, name: string) => {
    const headers = { 'x-forwarded-for': address };
    const body = new URLSearchParams({ name, password });
    const answer = await fetch(`${url}/api/login`, { method: 'POST', headers, body });
    await answer.arrayBuffer();
    return answer.status;
  };
  const home = '198.51.100.7';
  t.equal(await send(home, 'alice'), 200);
  let [tried, turnedAway, site] = [0, 0, 0];
  let isOver = false;
  const flood = range(0, 120).map(async () => {
    while (!isOver) {
      // Each time from another site, so that no limit of a network applies.
      site += 1;
      const status = await send(`2001:db8:${site.toString(16)}::1`, `nobody ${site}`);
      if (status === 503) turnedAway += 1;
      else tried += 1;
      // As soon as Retry-After allows; a loop without it would only measure this machine.
      if (status === 503) await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });
  while (turnedAway < 20) await new Promise((resolve) => setTimeout(resolve, 20));
  const waits: number[] = [];
  for (let i = 0; i < 5; i++) {
    const before = tried;
    t.equal(await send(home, 'alice'), 200);
    waits.push(tried - before);
  }
  isOver = true;
  await Promise.all(flood);
  t.comment(`strangers served before: ${waits}; ${tried} tried, ${turnedAway} turned away`);
  const [, , median = 0] = waits.toSorted((one, other) => one - other);
  t.ok(median < places.strangers / 4, 'far fewer than all that wait');
});
