/** Quotas: who is refused, who is not, and what a refusal says. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { networksOf } from '../../src/http/address.ts';
import { DailyQuotas } from '../../src/http/daily.ts';
import { done, refused } from '../helpers/answers.ts';
import { seedOf } from '../helpers/random.ts';
import { allRows, execute, query } from '../helpers/rows.ts';
import { type Person, password, startCast, startWorld } from '../helpers/world.ts';

const most = 'Ask the person who runs the server for more.';
const sentences = {
  chats: `Your quota of created chats is used up. ${most}`,
  open: `Your quota of open chats is used up. ${most}`,
  memberships:
    'Your quota of joined chats is used up. Leave one, or ask the person who runs the server for more.',
  invites: `Your quota of invites is used up. Revoke one, or ask the person who runs the server for more.`,
  texts:
    'Your daily quota of text is used up. Try again later, or ask the person who runs the server for more.',
  accounts:
    'The daily quota of new accounts is used up. Try again tomorrow, or ask the person who runs the server.',
};

const leave = (person: Person, chat: string) =>
  person.delete(`/api/chats?chat_id=${chat.split('/').at(-1)}`);

/** Asserts that a request is refused for a quota, and that nothing was written. */
async function quotaRefused(
  t: Test,
  file: string,
  sentence: string,
  ask: () => ReturnType<Person['get']>,
) {
  const before = allRows(file);
  refused(t, await ask(), 403, sentence);
  t.strictSame(allRows(file), before, 'nothing was written');
}

t.test('the chats that a user created count until they are deleted', async (t) => {
  const { alice, bob, carol, file } = await startCast(t, { CHATS_PER_USER: '3' });
  const first = await bob.createChat('1');
  await bob.createChat('2');
  done(t, await bob.post('/api/chats', { with: 'carol' }), 201);
  await quotaRefused(t, file, sentences.chats, () => bob.post('/api/chats', { title: '4' }));
  await quotaRefused(t, file, sentences.chats, () => bob.post('/api/chats', { with: 'alice' }));
  done(t, await bob.post('/api/chats', { with: 'carol' }), 201);
  t.strictSame((await bob.get('/api/chats')).body.chats.length, 4, 'existing chats stay');
  done(t, await carol.post('/api/chats', { title: 'mine' }), 201);
  done(t, await carol.post('/api/chats', { with: 'bob' }), 201);
  await leave(bob, first);
  done(t, await bob.post('/api/chats', { title: '4' }), 201);
  for (let i = 0; i < 5; i++) done(t, await alice.post('/api/chats', { title: 'x' }), 201);
});

t.test('open chats have a smaller quota of their own', async (t) => {
  const { bob, carol, file } = await startCast(t, { OPEN_CHATS_PER_USER: '2' });
  const open = { title: 'BUY NOW', open: '1' };
  for (let i = 0; i < 2; i++) done(t, await bob.post('/api/chats', open), 201);
  await quotaRefused(t, file, sentences.open, () => bob.post('/api/chats', open));
  done(t, await bob.post('/api/chats', { title: 'closed' }), 201);
  done(t, await carol.post('/api/chats', open), 201);
  t.equal((await carol.get('/api/directory')).body.chats.length, 3);
});

t.test('nobody can use up another user’s memberships', async (t) => {
  const { alice, bob, carol, file } = await startCast(t, { MEMBERSHIPS_PER_USER: '3' });
  const opened = await alice.post('/api/chats', { title: 'all', open: '1' });
  const all = String(opened.headers.location);
  const invite = String((await alice.post(`${all}/invites`)).headers.location);
  for (let i = 0; i < 5; i++) {
    const chat = await alice.createChat(`${i}`);
    done(t, await alice.post(`${chat}/members`, { name: 'carol' }), 201);
  }
  done(t, await bob.post('/api/chats', { with: 'carol' }), 201);
  const own = await carol.createChat('1');
  await carol.createChat('2');
  done(t, await carol.post(`${all}/members`, { name: 'carol' }), 201);
  const full = (ask: () => ReturnType<Person['get']>) =>
    quotaRefused(t, file, sentences.memberships, ask);
  await full(() => carol.post('/api/chats', { title: '3' }));
  await full(() => carol.post('/api/chats', { with: 'alice' }));
  await leave(carol, all);
  done(t, await carol.post(invite), 201);
  done(t, await carol.post(invite), 201);
  await leave(carol, all);
  await carol.createChat('3');
  await full(() => carol.post(invite));
  await full(() => carol.post(`${all}/members`, { name: 'carol' }));
  done(t, await alice.post(`${all}/members`, { name: 'carol' }), 201);
  await leave(carol, own);
  done(t, await carol.post('/api/chats', { title: '4' }), 201);
});

t.test('invites count while they are valid', async (t) => {
  const { bob, chat, clock, file } = await startCast(t, { INVITES_PER_USER: '2' });
  const make = (fields = {}) => bob.post(`${chat}/invites`, fields);
  done(t, await make({ expires_in: '60' }), 201);
  const code = String((await make()).headers.location)
    .split('/')
    .at(-1);
  await quotaRefused(t, file, sentences.invites, () => make());
  clock.now += 60_000;
  done(t, await make(), 201);
  await quotaRefused(t, file, sentences.invites, () => make());
  done(t, await bob.delete(`${chat}/invites?code=${code}`));
  done(t, await make(), 201);
});

t.test('one session too many ends the least recently used one', async (t) => {
  const { alice, bob, clock } = await startCast(t, { SESSIONS_PER_USER: '3' });
  const devices = [bob];
  for (let i = 0; i < 4; i++) {
    clock.now += 3_600_000;
    // The first one is in use all the time.
    t.equal((await bob.get('/api/session')).status, 200);
    devices.push(await bob.otherDevice());
  }
  const statuses = await Promise.all(devices.map((device) => device.get('/api/session')));
  t.strictSame(
    statuses.map(({ status }) => status),
    [200, 403, 403, 200, 200],
  );
  t.equal((await alice.get('/api/session')).status, 200, 'no other user’s session ends');
  const device = await bob.otherDevice();
  t.equal((await device.get('/api/sessions')).body.sessions.length, 3, 'concurrently as well');
  t.ok((await device.get('/api/sessions')).body.sessions.some((one: object) => 'current' in one));
});

t.test('texts count by their bytes, and the quota recovers with time', async (t) => {
  const time = { now: 0 };
  const env = { TEXT_MB_PER_DAY: '1' };
  const { alice, bob, carol, chat, file } = await startCast(t, env, { ticks: () => time.now });
  const text = '界'.repeat(4000);
  const id = await bob.send(chat, 'short');
  for (let i = 0; i < 87; i++) await bob.send(chat, text);
  await quotaRefused(t, file, sentences.texts, () => bob.post(chat, { content: text }));
  await quotaRefused(t, file, sentences.texts, () =>
    bob.put(`${chat}/messages/${id}`, { content: text }),
  );
  done(t, await bob.delete(`${chat}/messages/${id}`));
  const own = await carol.createChat('own');
  done(t, await carol.post(own, { content: text }), 201);
  time.now += (24 * 3_600_000 * 12_000) / (1024 * 1024);
  done(t, await bob.post(chat, { content: text }), 201);
  await quotaRefused(t, file, sentences.texts, () => bob.post(chat, { content: text }));
  time.now = 0;
  for (let i = 0; i < 90; i++) await alice.send(chat, text);
});

const fieldsOf = (name: string) => ({ name, password, email: `${name}@example.org` });

t.test('accounts are counted per network, unless limits are off', async (t) => {
  const env = { RATE_LIMIT: 'on', ACCOUNTS_PER_NETWORK: '2' };
  const world = await startCast(t, env, { ticks: () => 0 });
  const register = (remoteAddress: string) =>
    world.nobody().request({
      ...{ method: 'POST', url: '/api/user', remoteAddress },
      payload: fieldsOf(`user-${randomUUID().slice(0, 8)}`),
    });
  for (let i = 0; i < 2; i++) done(t, await register('192.0.2.1'), 201);
  await quotaRefused(t, world.file, sentences.accounts, () => register('192.0.2.1'));
  done(t, await register('192.0.2.2'), 201);
  const off = await startWorld(t, { ACCOUNTS_PER_NETWORK: '1', ACCOUNTS_PER_DAY: '1' });
  for (const name of ['alice', 'bob', 'carol']) {
    done(t, await off.nobody().post('/api/user', fieldsOf(name)), 201);
  }
});

t.test('a network that has used up its accounts takes none from others', async (t) => {
  const ofIp = (ip: string) => networksOf(ip);
  t.strictSame(ofIp('192.0.2.7'), ['192.0.2.7']);
  t.strictSame(ofIp('2001:db8:1:ab02::7'), [
    '2001:db8:1:ab02::/64',
    '2001:db8:1:ab00::/56',
    '2001:db8:1::/48',
  ]);
  t.strictSame(ofIp('2001:db8::1'), [
    '2001:db8:0:0::/64',
    '2001:db8:0:0000::/56',
    '2001:db8:0::/48',
  ]);
  const limits = { textBytes: 1, accountsPerNetwork: 5, accounts: 30 };
  const byte = fc.integer({ min: 0, max: 3 });
  fc.assert(
    fc.property(fc.array(fc.tuple(byte, byte, byte), { maxLength: 200 }), (asked) => {
      const daily = new DailyQuotas(() => 0, limits);
      const made = new Map<string, number>();
      for (const [site, subnet, host] of asked) {
        const networks = networksOf(`2001:db8:${site}:${subnet}0${host}::1`);
        const taken = [...networks, 'all'].map((network) => made.get(network) ?? 0);
        const rooms = [5, 10, 20, 30].map((room, i) => room - (taken[i] ?? 0));
        const isMade = daily.takeAccount(`2001:db8:${site}:${subnet}0${host}::1`);
        if (isMade && rooms.some((room) => room <= 0)) return false;
        if (!isMade && rooms.every((room) => room > 10)) return false;
        if (!isMade) continue;
        for (const network of [...networks, 'all']) made.set(network, (made.get(network) ?? 0) + 1);
      }
      return true;
    }),
    { seed: seedOf(t) },
  );
  const daily = new DailyQuotas(() => 0, limits);
  for (let i = 0; i < 100; i++) daily.takeAccount('2001:db8::1');
  for (let i = 0; i < 25; i++) t.ok(daily.takeAccount(`192.0.2.${i}`), 'refusals used up nothing');
  t.notOk(daily.takeAccount('192.0.2.99'), 'the daily quota is used in full');
});

t.test('on a nearly full disk only admins and deletions write', async (t) => {
  const env = { DISK_RESERVE_MB: '999999999' };
  const { alice, bob, chat, file, nobody } = await startCast(t, env);
  execute(
    file,
    `insert into messages (chat_id, id, sender_id, content, created_at)
    values (1, 900, 2, 'old', 0), (1, 901, 2, 'old', 0)`,
  );
  const low =
    'The server is almost out of disk space and accepts only deletions. Ask the person who runs it.';
  const before = allRows(file);
  for (const [method, url, fields] of [
    ['POST', chat, { content: 'new' }],
    ['PUT', chat, { title: 'new' }],
    ['PUT', `${chat}/messages/900`, { content: 'x' }],
    ['PUT', `${chat}/messages/900/reactions/%F0%9F%91%8D`, {}],
    ['PUT', `${chat}/read`, { id: '900' }],
    ['PUT', `${chat}/notify`, { notify: 'nothing' }],
    ['POST', `${chat}/members`, { name: 'carol' }],
    ['POST', `${chat}/invites`, {}],
    ['POST', '/api/invites/never-was', {}],
    ['POST', '/api/chats', { title: 'new' }],
    ['PUT', '/api/user', { name: 'robert' }],
  ] as const) {
    refused(t, await bob.form(method, url, fields), 503, low, `${method} ${url}`);
  }
  refused(t, await nobody().post('/api/user', fieldsOf('dave')), 503, low);
  t.strictSame(allRows(file), before);
  t.equal((await bob.get(chat)).status, 200);
  t.equal((await bob.get('/healthz')).status, 200);
  done(t, await bob.post(`${chat}/typing`));
  const device = await bob.otherDevice();
  done(t, await device.delete(`${chat}/messages/900`));
  done(t, await device.delete(`/api/chats?chat_id=${chat.split('/').at(-1)}`));
  done(t, await device.get('/api/logout'));
  done(t, await alice.post(chat, { content: 'I buy a larger one.' }), 201);
  done(t, await alice.delete(`${chat}/messages/901`), 200);
  t.equal(query(file, 'select * from messages').length, 1);
});
