import { argon2Sync } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { dictionary } from '@zxcvbn-ts/language-common';
import Fastify from 'fastify';
import t from 'tap';
import { waiterOf } from '../../src/sessions/password-waiter.ts';
import { PasswordQueue, places, type Waiter } from '../../src/users/password-queue.ts';
import { checkPassword } from '../../src/users/passwords.ts';
import { done, refused } from '../helpers/answers.ts';
import { execute, query } from '../helpers/rows.ts';
import { password, startWorld } from '../helpers/world.ts';

const wrong = 'The name or the password is wrong.';
const outOfBounds = 'The password must have 8 to 1024 characters.';
const email = 'x@example.org';

/** A password hashed as an older server may have done it, with lower cost. */
function cheapHash(message: string): string {
  const nonce = Buffer.alloc(16, 7);
  const cost = { memory: 8, passes: 1, parallelism: 1, tagLength: 32 };
  const hash = argon2Sync('argon2id', { message, nonce, ...cost });
  const [salt, tag] = [nonce, hash].map((bytes) => bytes.toString('base64').replace(/=+$/, ''));
  return `$argon2id$v=19$m=8,t=1,p=1$${salt}$${tag}`;
}

t.test('a password is stored as argon2id at the cost that OWASP recommends', async (t) => {
  const { register, file } = await startWorld(t);
  await register('alice');
  await register('bob');
  const [one, two] = query(file, 'select password_hash as hash from users') as { hash: string }[];
  const phc = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/;
  t.match(one?.hash, phc);
  t.match(two?.hash, phc);
  t.not(one?.hash, two?.hash, 'the same password has another salt');
});

t.test('a password has length limits and is never trimmed or cut', async (t) => {
  const { nobody } = await startWorld(t);
  const base = 'x🦆'.repeat(511);
  const cases: [given: string, isFit: boolean, alsoRight: string | undefined, not: string][] = [
    ['q', false, undefined, ''],
    ['qz7 wkx', false, undefined, ''],
    ['qz7 wkx!', true, undefined, 'qz7 wkx'],
    ['🦆🐢🦆🐢🦆🐢🦆', false, undefined, ''],
    ['🦆🐢🦆🐢🦆🐢🦆🐢', true, undefined, '🦆🐢🦆🐢🦆🐢🦆'],
    ['  spaces at both ends  ', true, undefined, 'spaces at both ends'],
    [`${base}x`, true, undefined, base],
    [`${base}xy`, true, undefined, `${base}x`],
    [`${base}xyz`, false, undefined, ''],
    ['sixty-four '.repeat(6).slice(0, 64), true, undefined, 'sixty-four '.repeat(6).slice(0, 63)],
    [`${'long '.repeat(20)}1`, true, undefined, `${'long '.repeat(20)}2`],
    ['Crème brûlée', true, 'Crème brûlée'.normalize('NFD'), 'Creme brulee'],
  ];
  for (const [i, [given, isFit, alsoRight, not]] of cases.entries()) {
    const name = `user ${i}`;
    const fields = { name, email: `${i}@example.org` };
    const answer = await nobody().post('/api/user', { ...fields, password: given });
    if (!isFit) {
      refused(t, answer, 400, outOfBounds, name);
      continue;
    }
    done(t, answer, 201);
    done(t, await nobody().post('/api/login', { name, password: given }));
    if (alsoRight) done(t, await nobody().post('/api/login', { name, password: alsoRight }));
    refused(t, await nobody().post('/api/login', { name, password: not }), 400, wrong, name);
  }
});

t.test('too long a password is refused before it is hashed', async (t) => {
  const { nobody, register } = await startWorld(t);
  await register('alice');
  const long = { name: 'alice', password: 'x'.repeat(60_000) };
  refused(
    t,
    await nobody().post('/api/login', long),
    400,
    'Enter your password as text of at most 1024 characters.',
  );
  refused(t, await nobody().post('/api/user', { ...long, email }), 400, outOfBounds);
  // More than may wait to be hashed: if any did, some would be refused as busy.
  const crowd = Array.from({ length: 200 }, (_, i) =>
    i % 2 === 0
      ? nobody().post('/api/login', long)
      : nobody().post('/api/user', { ...long, email }),
  );
  for (const { status } of await Promise.all(crowd)) t.equal(status, 400);
  const huge = { ...long, password: 'x'.repeat(1024 * 1024) };
  refused(t, await nobody().post('/api/login', huge), 413, 'The request is too large. Send less.');
});

t.test('the most common passwords are refused, in upper or lower case', async (t) => {
  const user = { name: 'alice', email };
  for (const common of ['password', '12345678', 'iloveyou', 'Football', 'SUNSHINE', 'trustno1']) {
    await t.rejects(checkPassword(common, user), { code: 'password_common' }, common);
  }
  const longEnough = dictionary['passwords-common'].filter(({ length }) => length >= 8);
  t.ok(longEnough.length >= 3000, 'of those that are long enough, as many as ASVS 6.2.4 asks for');
  for (const one of longEnough.slice(0, 3000)) {
    await t.rejects(checkPassword(one, user), { code: 'password_common' }, one);
    await t.rejects(checkPassword(one.toUpperCase(), user), { code: 'password_common' }, one);
  }
  for (const own of ['alice', 'ＡＬＩＣＥ', email, email.toUpperCase()]) {
    await t.rejects(checkPassword(own, user), { code: 'password_is_name' }, own);
  }
  await t.resolves(checkPassword('correct horse battery', user));
});

t.test('signing in renews a hash that costs less than today’s', async (t) => {
  const { register, nobody, file } = await startWorld(t);
  const alice = await register('alice');
  const hash = () => query(file, 'select password_hash from users')[0]?.password_hash;
  const current = hash();
  done(t, await nobody().post('/api/login', { name: 'alice', password }));
  t.equal(hash(), current, 'a current hash is unchanged');

  const old = cheapHash(password);
  execute(file, 'update users set password_hash = ?', old);
  refused(t, await nobody().post('/api/login', { name: 'alice', password: 'not it' }), 400, wrong);
  t.equal(hash(), old, 'a wrong password renews nothing');
  done(t, await nobody().post('/api/login', { name: 'alice', password }));
  t.match(hash(), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  done(t, await nobody().post('/api/login', { name: 'alice', password }));
  t.equal((await alice.get('/api/chats')).status, 200, 'other sessions live on');
});

t.test('a sign-in with a password that changes meanwhile is refused', async (t) => {
  const { register, nobody, file, db } = await startWorld(t);
  await register('alice');
  const login = nobody().post('/api/login', { name: 'alice', password });
  const read = db.read.bind(db);
  // Between the lookup of the hash and the write of the session, as another request may do it.
  db.read = async (...args) => {
    const found = await read(...args);
    execute(file, 'update users set password_hash = ?', cheapHash('another password'));
    return found;
  };
  refused(t, await login, 400, wrong);
  t.equal(query(file, 'select * from sessions').length, 1, 'only the one of the registration');
});

/** A queue that runs one job at a time, each on demand; and the order of the finished jobs. */
function startQueue() {
  const queue = new PasswordQueue(1);
  const done: string[] = [];
  const refused: string[] = [];
  let finish: () => void = () => undefined;
  const add = (
    name: string,
    networks: readonly string[],
    { isKnown = false, isGone }: { isKnown?: boolean; isGone?: () => boolean } = {},
  ) => {
    const work = () =>
      new Promise<void>((resolve) => {
        done.push(name);
        finish = resolve;
      });
    queue
      .run({ isKnown, networks, ...(isGone && { isGone }) }, work)
      .catch(({ code }: { code: string }) => {
        refused.push(`${name}: ${code}`);
      });
  };
  /** Finishes this many jobs, and returns their names. */
  const next = async (count: number) => {
    await new Promise(setImmediate);
    const before = done.length;
    for (let i = 0; i < count; i++) {
      finish();
      await new Promise(setImmediate);
    }
    return done.slice(before);
  };
  return { add, next, refused };
}

t.test(
  'networks take turns to have passwords hashed, and so do the networks within them',
  async (t) => {
    const { add, next } = startQueue();
    add('first', ['x']);
    await next(0);
    for (let i = 1; i <= 6; i++) add(`flood ${i}`, ['a', `a${i % 2}`, `a${i}`]);
    for (let i = 1; i <= 2; i++) add(`b ${i}`, ['b', 'b1', 'b1']);
    add('c', ['c', 'c1', 'c1']);
    t.strictSame(await next(9), [
      ...['flood 1', 'b 1', 'c', 'flood 2', 'b 2', 'flood 3', 'flood 4', 'flood 5', 'flood 6'],
    ]);
  },
);

t.test('known users go first, and strangers get every fourth turn', async (t) => {
  const { add, next } = startQueue();
  add('first', ['x']);
  await next(0);
  for (let i = 1; i <= 4; i++) add(`stranger ${i}`, ['a']);
  for (let i = 1; i <= 7; i++) add(`known ${i}`, ['k'], { isKnown: true });
  const order = await next(11);
  t.strictSame(order.filter((name) => name.startsWith('known')).length, 7);
  t.equal(order.indexOf('stranger 2') - order.indexOf('stranger 1'), 4);
  t.ok(order.indexOf('known 1') < 2);
  t.match(order.at(-1), 'stranger 4');
});

t.test('strangers use only their places, and lose them to networks with fewer', async (t) => {
  const { add, next, refused } = startQueue();
  add('first', ['x']);
  await next(0);
  const { strangers, known } = places;
  for (let i = 0; i < strangers + 3; i++) add(`flood ${i}`, ['a', `a${i % 2}`]);
  await next(0);
  const last = range(strangers, strangers + 3);
  t.strictSame(
    refused,
    last.map((i) => `flood ${i}: busy`),
  );
  for (let i = 0; i < known; i++) add(`known ${i}`, [`k${i}`], { isKnown: true });
  add('too many', ['k'], { isKnown: true });
  await next(0);
  t.equal(refused.at(-1), 'too many: busy');
  for (const name of ['newcomer', 'another']) add(name, ['b', 'b1']);
  await next(0);
  t.equal(refused.length, 6, 'each takes the place of the flood’s newest');
  t.ok(refused.slice(4).every((line) => line.startsWith('flood')));
  const order = await next(known + strangers);
  t.equal(order.length, known + strangers, 'no other is lost');
  const [one, other] = ['newcomer', 'another'].map((name) => order.indexOf(name));
  t.ok(Number(one) < 12 && Number(other) < 20, `${one} and ${other}`);
});

t.test('a client that has gone loses its turn, and in a full lane its place', async (t) => {
  const { add, next, refused } = startQueue();
  add('first', ['x']);
  await next(0);
  let areGone = false;
  const isGone = () => areGone;
  const all = range(0, places.strangers).map(String);
  const isOdd = (name: string) => Number(name) % 2 === 1;
  for (const name of all) add(name, ['a', `a${Number(name) % 3}`], isOdd(name) ? { isGone } : {});
  for (const name of ['known', 'gone']) {
    add(name, ['k', 'k1'], { isKnown: true, ...(name === 'gone' && { isGone }) });
  }
  areGone = true;
  const left = all.filter((name) => !isOdd(name));
  const newcomers = all.filter(isOdd).map((name) => `instead of ${name}`);
  for (const name of newcomers) add(name, ['a', 'a0']);
  await next(0);
  t.strictSame(
    refused.toSorted(),
    all
      .filter(isOdd)
      .map((name) => `${name}: busy`)
      .toSorted(),
  );
  const order = await next(all.length + 1);
  t.strictSame(order.toSorted(), [...left, ...newcomers, 'known'].toSorted());
  t.equal(refused.at(-1), 'gone: busy');
  t.equal(refused.length, newcomers.length + 1, 'no other is refused');
});

t.test('a client that hangs up is gone, and one that waits is not', async (t) => {
  const app = Fastify({ forceCloseConnections: true });
  t.teardown(() => app.close());
  const arrival = Promise.withResolvers<{ waiter: Waiter; closed: Promise<unknown> }>();
  app.post('/', (request) => {
    arrival.resolve({ waiter: waiterOf(request, false), closed: once(request.socket, 'close') });
    return new Promise(() => undefined);
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const body = '{"a":1}';
  const head = `host: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket.write(`POST / HTTP/1.1\r\n${head}\r\n\r\n${body}`);
  const { waiter, closed } = await arrival.promise;
  await new Promise(setImmediate);
  t.equal(waiter.isGone?.(), false);
  socket.destroy();
  await closed;
  t.equal(waiter.isGone?.(), true);
});

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
