import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import t from 'tap';
import type { Store } from '../../src/db/store.ts';
import { runMaintenance } from '../../src/jobs/maintenance.ts';
import { newToken } from '../../src/sessions/tokens.ts';
import { done, refused } from '../helpers/answers.ts';
import { pagesOf } from '../helpers/pages.ts';
import { allRows, execute, query } from '../helpers/rows.ts';
import { type Answer, type Person, password, startWorld } from '../helpers/world.ts';

const signedOut = 'You are not signed in. Sign in first.';
const wrong = 'The name or the password is wrong.';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const right = { name: 'alice', password };
const base64url = /^[A-Za-z0-9_-]{43}$/;

const cookiesOf = ({ headers }: Answer) => [headers['set-cookie'] ?? []].flat();
const isIn = async (person: Person) => (await person.get('/api/chats')).status === 200;

/** Waits for writes that follow a request: commits come in the order of their writes. */
const settled = (db: Store) => db.write(async () => undefined, {});

/** A client with a hand-made Cookie header. */
function withCookie(nobody: Person, cookie: string): Promise<Answer> {
  return nobody.get('/api/chats', { cookie });
}

t.test('signing in sets exactly the two cookies', async (t) => {
  const { nobody, register } = await startWorld(t);
  const alice = await register('alice');
  const device = nobody();
  const answer = await device.post('/api/login', right);
  done(t, answer);
  t.equal(answer.headers.location, '/api/chats');
  t.equal(answer.headers['cache-control'], 'no-store');
  t.strictSame(cookiesOf(answer), [
    `user_id=${alice.id}; Max-Age=15552000; Path=/; SameSite=Strict`,
    `token=${device.cookies.token}; Max-Age=15552000; Path=/; HttpOnly; SameSite=Strict`,
  ]);
  t.match(device.cookies.token, base64url);
  t.ok(await isIn(device));
});

t.test('registering sets the same two cookies', async (t) => {
  const { nobody } = await startWorld(t);
  const answer = await nobody().post('/api/user', { ...right, email: 'a@example.org' });
  const [userId = '', token = '', ...others] = cookiesOf(answer);
  t.match(userId, /^user_id=[1-9]\d*; Max-Age=15552000; Path=\/; SameSite=Strict$/);
  t.match(token, /^token=[\w-]{43}; Max-Age=15552000; Path=\/; HttpOnly; SameSite=Strict$/);
  t.strictSame(others, []);
});

t.test('cookies are Secure exactly when the request came over https', async (t) => {
  const cases: [
    name: string,
    env: Record<string, string>,
    from: string,
    proto: string,
    is: boolean,
  ][] = [
    ['plain http', {}, '127.0.0.1', '', false],
    ['an untrusted peer says https', {}, '127.0.0.1', 'https', false],
    ['a proxy says https', { TRUST_PROXY: '10.0.0.0/8' }, '10.1.2.3', 'https', true],
    ['a proxy says http', { TRUST_PROXY: '10.0.0.0/8' }, '10.1.2.3', 'http', false],
    ['a peer other than the proxy', { TRUST_PROXY: '10.0.0.0/8' }, '11.1.2.3', 'https', false],
    [
      'a client in front of the proxy',
      { TRUST_PROXY: '10.0.0.1' },
      '10.0.0.1',
      'https,http',
      false,
    ],
    ['an https address', { PUBLIC_URL: 'https://chat.example.org' }, '127.0.0.1', '', true],
    ['an http address', { PUBLIC_URL: 'http://chat.example.org' }, '127.0.0.1', '', false],
  ];
  for (const [name, env, remoteAddress, proto, isSecure] of cases) {
    const { nobody, register } = await startWorld(t, env);
    const alice = await register('alice');
    const headers = proto === '' ? {} : { 'x-forwarded-proto': proto };
    const payload = right;
    const login = { method: 'POST', url: '/api/login', payload, headers, remoteAddress } as const;
    const logout = { method: 'GET', url: '/api/logout', headers, remoteAddress } as const;
    for (const [answer, expected] of [
      [await nobody().request(login), isSecure],
      // The page may have come over http, and a browser would drop what deletes its cookies.
      [await alice.request(logout), isSecure && proto === 'https'],
    ] as const) {
      const cookies = cookiesOf(answer);
      t.equal(cookies.length, 2, name);
      t.ok(
        cookies.every((cookie) => cookie.includes('; Secure') === expected),
        name,
      );
    }
  }
});

t.test(
  'a page loaded over http gets cookies that it can store, whatever PUBLIC_URL says',
  async (t) => {
    const { nobody, register } = await startWorld(t, { PUBLIC_URL: 'https://chat.example.org' });
    await register('alice');
    for (const [host, headers, isSecure] of [
      ['pi.lan:3000', { origin: 'http://pi.lan:3000' }, false],
      ['127.0.0.1:3000', { origin: 'http://pi.lan', 'x-requested-with': 'Snug' }, false],
      ['chat.example.org', { origin: 'https://chat.example.org' }, true],
      ['127.0.0.1:3000', { origin: 'https://pi.lan', 'sec-fetch-site': 'same-origin' }, true],
    ] as const) {
      const answer = await nobody().request({
        ...{ method: 'POST', url: '/api/login', payload: right },
        headers: { host, ...headers },
      });
      done(t, answer);
      const cookies = cookiesOf(answer);
      t.ok(
        cookies.every((cookie) => cookie.includes('; Secure') === isSecure),
        headers.origin,
      );
    }
  },
);

t.test('a wrong name and a wrong password get the same answer', async (t) => {
  const { nobody, register, file } = await startWorld(t);
  await register('alice');
  const wrongPassword = await nobody().post('/api/login', { ...right, password: 'not my own' });
  const wrongName = await nobody().post('/api/login', { name: 'dora', password });
  for (const answer of [wrongPassword, wrongName]) {
    refused(t, answer, 400, wrong);
    answer.headers.date = '';
  }
  t.strictSame(wrongName.headers, wrongPassword.headers);
  for (const name of ['', ' alice', 'alice ', 'alic\u0435', 'alice\u200b', '%', 'a'.repeat(1024)]) {
    refused(t, await nobody().post('/api/login', { name, password }), 400, wrong, name);
  }
  for (const given of ['', ` ${password}`, `${password} `, password.toUpperCase()]) {
    refused(t, await nobody().post('/api/login', { name: 'alice', password: given }), 400, wrong);
  }
  t.equal(query(file, 'select * from sessions').length, 1);
});

t.test('an invalid sign-in is refused, whatever its form', async (t) => {
  const { nobody, register, file } = await startWorld(t);
  await register('alice');
  const before = allRows(file);
  const form = 'application/x-www-form-urlencoded';
  const json = 'application/json';
  const whole = new URLSearchParams(right).toString();
  const noName = 'Enter your name as text of at most 1024 characters.';
  const noPassword = 'Enter your password as text of at most 1024 characters.';
  const badBody = 'The body could not be read. Send a form or a JSON object.';
  const badType = 'Send the fields as application/x-www-form-urlencoded or as application/json.';
  const cases: [type: string | undefined, payload: string, error: string][] = [
    ...['', '=', '=&=', '&', 'name', `${whole}&name=bob`, whole.replace('name=', 'name[]=')].map(
      (payload) => [form, payload, payload === 'name' ? noPassword : noName] as const,
    ),
    [form, whole.replace('name=', 'name[x]='), noName],
    [form, `${whole}&password=x`, noPassword],
    [form, 'name=alice', noPassword],
    [form, `password=${password}`, noName],
    ...[
      '{}',
      '{"name":["alice"],"password":["x"]}',
      '{"name":1,"password":"x"}',
      '{"name":null,"password":"x"}',
    ].map((payload) => [json, payload, noName] as const),
    ...['', '["alice"]', '1', 'null', '"alice"', '{"name":"a","name":"b"}'].map(
      (payload) => [json, payload, badBody] as const,
    ),
    ...['text/plain', 'multipart/form-data; boundary=x', undefined].map(
      (type) => [type, whole, badType] as const,
    ),
    [undefined, '', badBody],
  ].map(([type, payload, error]) => [type, String(payload), String(error)]);
  for (const [type, payload, error] of cases) {
    const answer = await nobody().request({
      method: 'POST',
      url: '/api/login',
      headers: type === undefined ? {} : { 'content-type': type },
      ...(payload !== '' && { payload }),
    });
    refused(t, answer, 400, error, `${type}: ${payload}`);
  }
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const) {
    const answer = await nobody().request({ method, url: '/api/login', payload: right });
    t.equal(answer.status, 404, method);
    t.notOk(answer.headers['set-cookie'], method);
  }
  t.strictSame(allRows(file), before);
});

t.test('every sign-in has a token of its own, stored only as its SHA-256', async (t) => {
  const { register, file, db } = await startWorld(t);
  const alice = await register('alice');
  const phone = await alice.otherDevice();
  const tokens = [alice, phone].map((device) => String(device.cookies.token));
  t.equal(new Set(tokens).size, 2);
  const hashes = tokens.map((token) => createHash('sha256').update(token).digest());
  t.strictSame(
    query(file, 'select token_hash from sessions order by id').map((row) => row.token_hash),
    hashes,
  );
  await db.close();
  const bytes = await readFile(file);
  t.ok(
    hashes.every((hash) => bytes.includes(hash)),
    'the whole file was read',
  );
  for (const secret of [...tokens, password]) t.notOk(bytes.includes(secret));
  for (const token of tokens) t.notOk(bytes.includes(Buffer.from(token, 'base64url')));
});

t.test('tokens do not repeat or resemble each other', async (t) => {
  const tokens = Array.from({ length: 10_000 }, newToken);
  t.ok(tokens.every((token) => base64url.test(token)));
  t.equal(new Set(tokens.map((token) => token.slice(0, 12))).size, tokens.length);
});

t.test('a sign-in ends the session whose cookies it sent, and no other', async (t) => {
  const { register, nobody } = await startWorld(t);
  const alice = await register('alice');
  const phone = await alice.otherDevice();
  const old = { ...alice.cookies };
  done(t, await alice.post('/api/login', right));
  t.not(alice.cookies.token, old.token);
  t.ok(await isIn(alice));
  t.ok(await isIn(phone));
  const replay = Object.assign(nobody(), { cookies: old });
  refused(t, await replay.get('/api/chats'), 403, signedOut);
});

t.test('a failed sign-in ends nothing', async (t) => {
  const { register } = await startWorld(t);
  const alice = await register('alice');
  refused(t, await alice.post('/api/login', { ...right, password: 'not my own' }), 400, wrong);
  t.ok(await isIn(alice));
});

t.test('a token planted before the sign-in never becomes a session', async (t) => {
  const { register, nobody } = await startWorld(t);
  const alice = await register('alice');
  const planted = { user_id: String(alice.id), token: 'A'.repeat(43) };
  const victim = Object.assign(nobody(), { cookies: { ...planted } });
  done(t, await victim.post('/api/login', right));
  t.match(victim.cookies.token, base64url);
  t.not(victim.cookies.token, planted.token);
  const attacker = Object.assign(nobody(), { cookies: planted });
  refused(t, await attacker.get('/api/chats'), 403, signedOut);
});

t.test('signing out ends only this session and clears both cookies', async (t) => {
  const { register, nobody } = await startWorld(t);
  const alice = await register('alice');
  const phone = await alice.otherDevice();
  const old = { ...alice.cookies };
  const answer = await alice.get('/api/logout');
  done(t, answer);
  t.equal(answer.headers.location, '/api/login');
  const end = 'Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT';
  t.strictSame(cookiesOf(answer), [
    `user_id= ; ${end}; SameSite=Strict`,
    `token= ; ${end}; HttpOnly; SameSite=Strict`,
  ]);
  t.strictSame(alice.cookies, {});
  const replay = Object.assign(nobody(), { cookies: old });
  refused(t, await replay.get('/api/chats'), 403, signedOut);
  refused(t, await replay.get('/api/logout'), 403, signedOut);
  refused(t, await nobody().get('/api/logout'), 403, signedOut);
  t.ok(await isIn(phone));
});

t.test('only a GET of the address signs out', async (t) => {
  const { register } = await startWorld(t);
  const alice = await register('alice');
  for (const method of ['HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'] as const) {
    const answer = await alice.request({ method: method as 'HEAD', url: '/api/logout' });
    t.equal(answer.status, 404, method);
    t.notOk(answer.headers['set-cookie'], method);
    t.notOk(answer.headers['access-control-allow-origin'], method);
  }
  t.ok(await isIn(alice));
});

t.test('a session ends after 30 days without use', async (t) => {
  const { register, clock, db } = await startWorld(t);
  const alice = await register('alice');
  clock.now += 30 * day - 1;
  t.ok(await isIn(alice), 'one millisecond before');
  await settled(db);
  clock.now += 30 * day - 1;
  t.ok(await isIn(alice), 'the use was stored');
  await settled(db);
  clock.now += 30 * day;
  refused(t, await alice.get('/api/chats'), 403, signedOut);
});

t.test('a session ends 180 days after its sign-in, however much it is used', async (t) => {
  const { register, clock, file, nobody, db } = await startWorld(t);
  const alice = await register('alice');
  const createdAt = clock.now;
  for (let days = 20; days < 180; days += 20) {
    clock.now = createdAt + days * day;
    t.ok(await isIn(alice), `after ${days} days`);
    await settled(db);
  }
  clock.now = createdAt + 180 * day - 1;
  t.ok(await isIn(alice), 'one millisecond before');
  clock.now = createdAt + 180 * day;
  refused(t, await alice.get('/api/chats'), 403, signedOut);
  refused(t, await alice.get('/api/logout'), 403, signedOut);
  done(t, await nobody().post('/api/login', right));
  await runMaintenance(db);
  t.equal(query(file, 'select * from sessions').length, 1, 'the expired one is cleared');
});

t.test('the last use is written at most once an hour', async (t) => {
  const { register, clock, file, db } = await startWorld(t);
  const alice = await register('alice');
  const createdAt = clock.now;
  const lastSeen = async () => {
    await settled(db);
    return Number(query(file, 'select last_seen_at from sessions')[0]?.last_seen_at) - createdAt;
  };
  for (const [after, expected] of [
    [59 * minute, 0],
    [hour - 1, 0],
    [hour, hour],
    [2 * hour - 1, hour],
    [2 * hour, 2 * hour],
  ] as const) {
    clock.now = createdAt + after;
    t.ok(await isIn(alice));
    t.equal(await lastSeen(), expected, `after ${after / minute} minutes`);
  }
});

t.test('a clock that steps back ends no session', async (t) => {
  const { register, clock } = await startWorld(t);
  const alice = await register('alice');
  const createdAt = clock.now;
  for (const now of [createdAt - hour, createdAt - 365 * day, 0]) {
    clock.now = now;
    t.ok(await isIn(alice));
  }
});

t.test('cookies that are not exactly ours are refused without harm to the session', async (t) => {
  const { register, nobody } = await startWorld(t);
  const alice = await register('alice');
  const bob = await register('bob');
  const id = String(alice.id);
  const token = String(alice.cookies.token);
  const stranger = nobody();
  const last = token.at(-1) === 'A' ? 'E' : 'A';
  const flipped = token.replace(/[a-z]/i, (letter) =>
    letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase(),
  );
  const forged = [
    '',
    `user_id=${id}`,
    `token=${token}`,
    `user_id=; token=${token}`,
    `user_id=${id}; token=`,
    `user_id=${bob.id}; token=${token}`,
    `user_id=${id}; token=${bob.cookies.token}`,
    ...[
      ...['1abc', `0${id}`, `+${id}`, `${id}.0`, `${id}e0`, `%3${id}`, `"${id}"`, `${id}%00`],
      ...[` ${id}`, `${id} `, `\t${id}`, '\uff11', Buffer.from('\uff11').toString('latin1')],
      ...['9007199254740993', '-1', 'NaN', '[object Object]', 'undefined', 'null', 'true'],
    ].map((userId) => `user_id=${userId}; token=${token}`),
    ...[
      token.slice(0, -1) + last,
      token.slice(0, -1),
      `${token}A`,
      `${token}=`,
      flipped,
      token.replace(token.slice(0, 1), `%${token.charCodeAt(0).toString(16)}`),
      `"${token}"`,
      ` ${token}`,
      'x'.repeat(10_000),
    ].map((other) => `user_id=${id}; token=${other}`),
    `user_id=${id}; user_id=${bob.id}; token=${token}`,
    `user_id=${bob.id}; user_id=${id}; token=${token}`,
    `user_id=${id}; user_id=${id}; token=${token}`,
    `user_id=${id}; token=${token}; token=${token}`,
    `user_id=${id}; token=${token};token=x`,
    `user_id=${id}; user_id =${bob.id}; token=${token}`,
    `user_id =${id}; token=${token}`,
    `USER_ID=${id}; TOKEN=${token}`,
    `__proto__=1; user_id=${id}`,
    `user_id=${id}, token=${token}`,
  ];
  for (const cookie of forged) {
    const answer = await withCookie(stranger, cookie);
    refused(t, answer, 403, signedOut, cookie.slice(0, 200));
  }
  const odd = `__proto__=1; constructor=2; toString=3; hasOwnProperty=4; a; =; user_id=${id}; token=${token}`;
  t.equal((await withCookie(stranger, odd)).status, 200);
  t.ok((await isIn(alice)) && (await isIn(bob)));
});

t.test('a token counts only in its cookie', async (t) => {
  const { register, nobody } = await startWorld(t);
  const { id, cookies } = await register('alice');
  const token = String(cookies.token);
  const headers = { authorization: `Bearer ${token}`, token, user_id: String(id) };
  refused(
    t,
    await nobody().get(`/api/chats?user_id=${id}&token=${token}`, headers),
    403,
    signedOut,
  );
  const fields = { title: 'x', user_id: String(id), token };
  refused(t, await nobody().post('/api/chats', fields), 403, signedOut);
});

t.test('signing out during other requests is consistent in either order', async (t) => {
  const { register, file, nobody } = await startWorld(t);
  const alice = await register('alice');
  const cookies = { ...alice.cookies };
  const same = () => Object.assign(nobody(), { cookies: { ...cookies } });
  const answers = await Promise.all([
    same().post('/api/chats', { title: 'before' }),
    same().get('/api/logout'),
    same().get('/api/logout'),
    same().post('/api/chats', { title: 'after' }),
  ]);
  t.ok(answers.every(({ status }) => [200, 201, 403].includes(status)));
  t.strictSame(query(file, 'select * from sessions'), []);
  refused(t, await same().get('/api/chats'), 403, signedOut);
});

t.test('a session’s device name is stored short and whole', async (t) => {
  const { register, nobody, file } = await startWorld(t);
  await register('alice');
  const login = (agent: string) =>
    nobody().request({
      method: 'POST',
      url: '/api/login',
      payload: right,
      headers: { 'user-agent': agent },
    });
  done(t, await login('x'.repeat(5000)));
  done(t, await login('Mozilla\u001b[31m'));
  // As Node represents it: each byte a character.
  done(t, await login(Buffer.from('Zoë’s 🦆').toString('latin1')));
  done(t, await login('Zo\xeb'));
  const devices = query(file, 'select device from sessions order by id').map((row) => row.device);
  t.equal(String(devices[1]).length, 200);
  t.strictSame(devices.slice(2), ['Mozilla\u001b[31m', 'Zoë’s 🦆', 'Zo\xeb']);
});

const noSession = 'There is no such session.';
const sessionsOf = async (person: Person) => (await person.get('/api/sessions')).body.sessions;
const sessionIdOf = async (person: Person): Promise<number> =>
  (await person.get('/api/session')).body.session.id;

t.test('a user sees their own account, byte for byte', async (t) => {
  const { register, clock, db } = await startWorld(t);
  const alice = await register('alice');
  const bob = await register('bob');
  clock.now += hour;
  t.ok(await isIn(bob));
  await settled(db);
  const { email } = (await alice.get('/api/user?name=bob')).body.user;
  const { status, text } = await bob.get('/api/session');
  t.equal(status, 200);
  t.equal(
    text,
    `{"user":{"id":${bob.id},"name":"bob","email":"${email}","role":"user"},` +
      `"session":{"id":${await sessionIdOf(bob)},"created":"2026-11-22T08:35:52.123Z","last_seen":"2026-11-22T09:35:52.123Z"}}`,
  );
  t.equal((await alice.get('/api/session')).body.user.role, 'admin');
});

t.test('a user sees only their own sessions, the last used first', async (t) => {
  const { register, nobody, clock, db } = await startWorld(t);
  const alice = await register('alice');
  await register('bob');
  clock.now += 1000;
  const phone = nobody();
  const headers = { 'user-agent': 'A phone' };
  await phone.request({ method: 'POST', url: '/api/login', payload: right, headers });
  const [one, other] = [await sessionIdOf(alice), await sessionIdOf(phone)];
  const [createdAt, later] = ['2026-11-22T08:35:52.123Z', '2026-11-22T08:35:53.123Z'];
  const { status, text } = await phone.get('/api/sessions');
  t.equal(status, 200);
  t.equal(
    text,
    '{"sessions":[' +
      `{"id":${other},"created":"${later}","last_seen":"${later}","device":"A phone","current":true},` +
      `{"id":${one},"created":"${createdAt}","last_seen":"${createdAt}","device":"lightMyRequest"}]}`,
  );
  clock.now += 2 * hour;
  await alice.get('/api/chats');
  await settled(db);
  t.match(await sessionsOf(alice), [
    { id: one, current: true },
    { id: other, current: undefined },
  ]);
  clock.now += 30 * day - 1;
  t.match(await sessionsOf(alice), [{ id: one }], 'an expired one is not shown');
  t.equal((await sessionsOf(alice)).length, 1);
});

t.test('a user ends a session of their own, and of nobody else', async (t) => {
  const { register, file } = await startWorld(t);
  const alice = await register('alice');
  const bob = await register('bob');
  const phone = await alice.otherDevice();
  const end = (person: Person, id: number | string) => person.delete(`/api/sessions?id=${id}`);
  const before = query(file, 'select * from sessions');
  refused(t, await end(alice, await sessionIdOf(bob)), 404, noSession);
  refused(t, await end(alice, 999_999), 404, noSession);
  const neither = 'Send the id of a session, or others=1 for all except this one.';
  refused(t, await alice.delete('/api/sessions'), 400, neither);
  refused(t, await alice.delete('/api/sessions?id=1&others=1'), 400, neither);
  const badOthers = 'To end all other sessions, send others=1.';
  for (const value of ['', '0', 'true', '1&others=1']) {
    refused(t, await alice.delete(`/api/sessions?others=${value}`), 400, badOthers, value);
  }
  t.strictSame(query(file, 'select * from sessions'), before);
  const id = await sessionIdOf(phone);
  done(t, await end(alice, id));
  refused(t, await phone.get('/api/chats'), 403, signedOut);
  refused(t, await end(alice, id), 404, noSession);
  t.ok((await isIn(alice)) && (await isIn(bob)));
  done(t, await end(alice, await sessionIdOf(alice)));
  refused(t, await alice.get('/api/chats'), 403, signedOut);
});

t.test('a user ends all sessions except the current one', async (t) => {
  const { register } = await startWorld(t);
  const alice = await register('alice');
  const bob = await register('bob');
  const [phone, tablet] = [await alice.otherDevice(), await alice.otherDevice()];
  done(t, await phone.delete('/api/sessions?others=1'));
  for (const device of [alice, tablet]) {
    refused(t, await device.get('/api/chats'), 403, signedOut);
  }
  t.ok((await isIn(phone)) && (await isIn(bob)));
  t.match(await sessionsOf(phone), [{ current: true }]);
  done(t, await phone.delete('/api/sessions?others=1'), 200);
});

t.test('sessions are paginated, the last used first', async (t) => {
  const { register, file, clock } = await startWorld(t);
  const alice = await register('alice');
  const times = Array.from({ length: 230 }, (_, i) => clock.now - Math.floor(i / 3) * minute);
  const rows = times.map(
    (time, i) =>
      `(${i + 100}, ${alice.id}, x'${`0${i}`.padStart(64, '0')}', 'phone', ${time}, ${time})`,
  );
  execute(
    file,
    `insert into sessions (id, user_id, token_hash, device, created_at, last_seen_at) values ${rows}`,
  );
  for (const [query, most] of [
    ['', 103],
    ['?limit=5', 8],
  ] as const) {
    const pages = await pagesOf<{ id: number; last_seen: string }>(
      alice,
      `/api/sessions${query}`,
      'sessions',
    );
    const all = pages.flatMap(({ items }) => items);
    t.equal(new Set(all.map(({ id }) => id)).size, 231);
    t.equal(all.length, 231, 'each once');
    const seen = all.map(({ last_seen }) => last_seen);
    t.strictSame(seen, [...seen].sort().reverse());
    t.ok(pages.every(({ items, bytes }) => items.length <= most && bytes <= 256 * 1024));
  }
  done(t, await alice.delete('/api/sessions?id=329'), 200);
  refused(t, await alice.delete('/api/sessions?id=329'), 404, 'There is no such session.');
});
