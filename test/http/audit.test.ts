/** The lines of the audit log: who did what to whom, from where, and never a secret. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { describeRequest } from '../../src/http/request-log.ts';
import { nameOf, routesOf } from '../helpers/routes.ts';
import { addressOf, cookieOf } from '../helpers/sse.ts';
import { password, startWorld } from '../helpers/world.ts';

const address = '127.0.0.1';

/** A server whose log is captured, with three people and a chat of alice and bob. */
async function startAudited(t: Test, env: Record<string, string> = {}) {
  const lines: string[] = [];
  const logger = pino(
    { base: null, serializers: { req: describeRequest } },
    { write: (line: string) => void lines.push(line) },
  );
  const world = await startWorld(t, env, { logger });
  const alice = await world.register('alice');
  const bob = await world.register('bob');
  const carol = await world.register('carol');
  const chat = await alice.createChat('Sunday hike');
  await alice.post(`${chat}/members`, { name: 'bob' });
  let taken = lines.length;
  /** The audit log's entries since the last call, without the fields that each line has. */
  const take = () => {
    const entries = lines.slice(taken).map((line) => JSON.parse(line));
    taken = lines.length;
    return entries
      .filter(({ audit }) => audit !== undefined)
      .map(({ time: _time, level: _level, reqId: _reqId, msg: _msg, ...line }) => line);
  };
  return { ...world, alice, bob, carol, chat, chatId: Number(chat.split('/').at(-1)), lines, take };
}

const done = (audit: string, user: number, on: object = {}) => ({
  audit,
  outcome: 'done',
  user,
  address,
  on,
});

const refused = (audit: string, reason: string, user: number | undefined, on: object = {}) => ({
  audit,
  outcome: 'refused',
  ...(user !== undefined && { user }),
  address,
  on,
  reason,
});

t.test('signing in and out is logged', async (t) => {
  const { alice, bob, nobody, lines, take, register } = await startAudited(t);
  await register('dora');
  t.strictSame(take(), [done('registered', 4)]);
  await bob.otherDevice();
  await bob.otherDevice();
  t.strictSame(take(), [done('signed_in', bob.id), done('signed_in', bob.id)]);
  for (const [name, given] of [
    ['BOB', 'not my own'],
    ['mallory', password],
  ]) {
    await nobody().post('/api/login', { name: String(name), password: String(given) });
  }
  t.strictSame(take(), [
    refused('signed_in', 'wrong_password', bob.id),
    refused('signed_in', 'wrong_password', undefined),
  ]);
  const { sessions } = (await bob.get('/api/sessions')).body;
  const { id } = sessions.find((session: { current?: true }) => !session.current);
  await bob.delete(`/api/sessions?id=${id}`);
  await bob.delete('/api/sessions?id=999999');
  await bob.delete('/api/sessions?others=1');
  const change = { current_password: password, password: 'paper-kite-in-october' };
  await bob.put(`/api/user/${bob.id}/password`, { ...change, current_password: 'not my own' });
  await bob.put(`/api/user/${alice.id}/password`, change);
  await bob.put(`/api/user/${bob.id}/password`, change);
  await bob.get('/api/logout');
  await bob.get('/api/chats');
  t.strictSame(take(), [
    done('sessions_ended', 2, { id }),
    refused('sessions_ended', 'no_session', 2, { id: 999_999 }),
    done('sessions_ended', 2, { others: '1' }),
    refused('password_changed', 'wrong_current_password', 2, { user_id: 2 }),
    refused('password_changed', 'other_user', 2, { user_id: 1 }),
    done('password_changed', 2, { user_id: 2 }),
    done('signed_out', 2),
  ]);
  const own = lines.map((line) => JSON.parse(line)).filter(({ audit }) => audit !== undefined);
  for (const line of own) {
    t.match(line, { time: Number, reqId: String, msg: 'audit' });
    t.equal(line.level, line.outcome === 'done' ? 30 : 40);
  }
});

t.test('actions on other users are logged', async (t) => {
  const { alice, bob, carol, chat, chatId, take } = await startAudited(t);
  const id = await bob.send(chat, 'shall we?');
  take();
  const member = `${chat}/members/${bob.id}`;
  await alice.put(member, { role: 'owner' });
  await bob.put(`${chat}/members/${alice.id}`, { role: 'member' });
  await alice.put(member, { role: 'member' });
  await bob.put(`${chat}/members/${alice.id}`, { role: 'owner' });
  await alice.delete(`${chat}/messages/${id}`);
  await alice.delete(`${chat}/members?user_id=${bob.id}`);
  await carol.delete(`${chat}/members?user_id=${alice.id}`);
  await alice.put(`/api/users/${bob.id}`, { disabled: '1' });
  await bob.post('/api/login', { name: 'bob', password });
  await alice.put(`/api/users/${bob.id}`, { disabled: '0' });
  await carol.put(`/api/users/${alice.id}`, { disabled: '1' });
  t.strictSame(take(), [
    done('role_changed', 1, { chat_id: chatId, user_id: 2, role: 'owner' }),
    done('role_changed', 2, { chat_id: chatId, user_id: 1, role: 'member' }),
    refused('role_changed', 'not_owner', 1, { chat_id: chatId, user_id: 2, role: 'member' }),
    done('role_changed', 2, { chat_id: chatId, user_id: 1, role: 'owner' }),
    done('message_deleted', 1, { chat_id: chatId, id, sender_id: 2 }),
    done('member_removed', 1, { chat_id: chatId, user_id: 2 }),
    refused('member_removed', 'not_member', 3, { chat_id: chatId, user_id: 1 }),
    done('account_state_changed', 1, { user_id: 2, disabled: '1' }),
    refused('signed_in', 'account_disabled', 2),
    done('account_state_changed', 1, { user_id: 2, disabled: '0' }),
    refused('account_state_changed', 'not_admin', 3, { user_id: 1, disabled: '1' }),
  ]);
});

t.test('invites, and the ends of chats and accounts, are logged', async (t) => {
  const { alice, bob, carol, chat, chatId, take } = await startAudited(t);
  take();
  const made = await alice.post(`${chat}/invites`);
  const code = String(made.headers.location).split('/').at(-1);
  await bob.delete(`${chat}/invites?code=${code}`);
  await alice.delete(`${chat}/invites?code=${code}`);
  await alice.delete(`/api/chats?chat_id=${chatId}`);
  t.strictSame(take(), [
    done('invite_made', 1, { chat_id: chatId }),
    refused('invite_revoked', 'other_invite', 2, { chat_id: chatId }),
    done('invite_revoked', 1, { chat_id: chatId }),
    done('chat_left', 1, { chat_id: chatId }),
  ]);
  const own = await carol.createChat('diary');
  const diary = Number(own.split('/').at(-1));
  await carol.delete(`/api/user/${alice.id}`);
  await carol.delete('/api/user');
  await bob.delete(`/api/chats?chat_id=${chatId}`);
  t.strictSame(take(), [
    done('chat_created', 3, { chat_id: diary }),
    refused('account_deleted', 'other_user', 3, { user_id: 1 }),
    { audit: 'chat_deleted', user: 3, on: { chat_id: diary } },
    done('account_deleted', 3),
    { audit: 'chat_deleted', user: 2, on: { chat_id: chatId } },
    done('chat_left', 2, { chat_id: chatId }),
  ]);
});

t.test('changes of accounts, chats and members are logged, without names', async (t) => {
  const { alice, bob, carol, chat, chatId, take, nobody, lines } = await startAudited(t);
  await bob.put('/api/user', { name: 'robert', email: 'robert@example.net' });
  await bob.put(`/api/user/${bob.id}`, { name: 'carol' });
  await bob.put(`/api/user/${alice.id}`, { name: 'robert' });
  t.strictSame(take(), [
    done('account_changed', 2),
    refused('account_changed', 'name_taken', 2, { user_id: 2 }),
    refused('account_changed', 'other_user', 2, { user_id: 1 }),
  ]);
  const open = Number((await bob.createChat('Open house')).split('/').at(-1));
  const direct = String((await carol.post('/api/chats', { with: 'alice' })).headers.location);
  await carol.post('/api/chats', { with: 'nobody at all' });
  await carol.put(chat, { title: 'Monday hike' });
  await alice.put(chat, { title: 'Monday hike' });
  await alice.post(`${chat}/members`, { name: 'carol' });
  await alice.post(`${chat}/members`, { name: 'carol' });
  await carol.delete(`/api/chats?chat_id=${chatId}`);
  const invite = String((await alice.post(`${chat}/invites`)).headers.location);
  await carol.post(invite);
  await carol.post('/api/invites/never-was');
  const guest = nobody();
  const code = invite.split('/').at(-1) ?? '';
  await guest.post('/api/user', { name: 'dora', password, email: 'd@example.net', invite: code });
  t.strictSame(take(), [
    done('chat_created', 2, { chat_id: open }),
    done('direct_chat_opened', 3, { chat_id: Number(direct.split('/').at(-1)) }),
    refused('direct_chat_opened', 'no_user', 3),
    refused('chat_renamed', 'not_member', 3, { chat_id: chatId }),
    done('chat_renamed', 1, { chat_id: chatId }),
    done('member_added', 1, { chat_id: chatId, user_id: 3 }),
    refused('member_added', 'already_member', 1, { chat_id: chatId }),
    done('chat_left', 3, { chat_id: chatId }),
    done('invite_made', 1, { chat_id: chatId }),
    done('invite_used', 3, { chat_id: chatId }),
    refused('invite_used', 'no_invite', 3),
    done('registered', 4, { chat_id: chatId }),
  ]);
  t.notMatch(lines.join(''), /robert|carol|dora|example|hike|house|never-was/);
  t.notOk(lines.join('').includes(code));
});

/** Routes that change no account, chat, membership or invite, and what they change. */
const unaudited: Record<string, string> = {
  'POST /api/chats/:chat_id': 'a message: its event says who wrote it, and when',
  'DELETE /api/chats/:chat_id': 'one’s own message',
  'PUT /api/chats/:chat_id/messages/:id': 'one’s own message',
  'PUT /api/chats/:chat_id/read': 'a read mark',
  'PUT /api/chats/:chat_id/notify': 'a notification level',
  'POST /api/chats/:chat_id/typing': 'nothing that is stored',
  'PUT /api/chats/:chat_id/messages/:id/reactions/:emoji': 'a reaction',
  'DELETE /api/chats/:chat_id/messages/:id/reactions/:emoji': 'one’s own reaction',
};

t.test('every route that changes accounts, chats, members or invites is audited', async (t) => {
  const routes = await routesOf(() => startWorld(t));
  const silent = routes
    .filter(({ config }) => config?.audit === undefined)
    .map(nameOf)
    .filter((name) => !name.startsWith('GET ') || name === 'GET /api/logout');
  t.strictSame(silent.sort(), Object.keys(unaudited).sort());
});

t.test('every refusal for lack of rights is logged', async (t) => {
  const { alice, bob, carol, chat, chatId, take, app } = await startAudited(t);
  const id = await bob.send(chat, 'shall we?');
  take();
  await carol.get(chat);
  await alice.put(`${chat}/messages/${id}`, { content: 'we shall not' });
  await carol.get('/api/users');
  await carol.get('/api/chats/999999');
  const headers = { 'sec-fetch-site': 'cross-site' };
  await app.inject({ method: 'POST', url: chat, headers });
  t.strictSame(take(), [
    refused('forbidden', 'not_member', 3, { chat_id: chatId }),
    refused('forbidden', 'other_sender', 1, { chat_id: chatId, id }),
    refused('forbidden', 'not_admin', 3),
    refused('forbidden', 'cross_site', undefined, { chat_id: chatId }),
  ]);
});

t.test('cookies of another user are logged, and sign nobody out', async (t) => {
  const { alice, bob, nobody, take } = await startAudited(t);
  take();
  for (const user_id of [String(bob.id), `0${alice.id}`, 'a secret']) {
    const mixed = Object.assign(nobody(), { cookies: { ...alice.cookies, user_id } });
    t.equal((await mixed.get('/api/chats')).status, 403);
  }
  const line = { audit: 'foreign_cookies', outcome: 'refused', user: alice.id, address };
  t.strictSame(take(), [
    { ...line, on: { user_id: bob.id } },
    { ...line, on: {} },
    { ...line, on: {} },
  ]);
  const unknown = Object.assign(nobody(), { cookies: { user_id: '1', token: 'x'.repeat(43) } });
  t.equal((await unknown.get('/api/chats')).status, 403);
  t.equal((await nobody().get('/api/chats')).status, 403);
  t.strictSame(take(), [], 'an unknown token names nobody');
  for (const person of [alice, bob]) t.equal((await person.get('/api/chats')).status, 200);
});

t.test('the audit log contains nothing that people write', async (t) => {
  const { alice, carol, nobody, chat, lines } = await startAudited(t);
  const secret = 'a-secret-of-mine';
  const made = await alice.post(`${chat}/invites`);
  const code = String(made.headers.location).split('/').at(-1);
  await nobody().post('/api/login', { name: secret, password: secret, role: secret, id: secret });
  await nobody().post('/api/login', { name: 'alice', password, disabled: secret, user_id: secret });
  await nobody().request({ method: 'PUT', url: `/api/users/${secret}?id=${secret}` });
  const headers = { 'sec-fetch-site': 'cross-site' };
  const url = `/api/chats/${secret}/members/${secret}?chat_id=${secret}`;
  await carol.request({ method: 'PUT', url, headers });
  await carol.delete(`${chat}/invites?code=${code}`);
  await alice.delete(`${chat}/invites?code=${code}`);
  await alice.put(`/api/user/${alice.id}/password`, {
    current_password: password,
    password: secret,
  });
  const log = lines.join('');
  t.match(log, '"audit":"password_changed","outcome":"done"');
  const { token } = alice.cookies;
  for (const text of [
    secret,
    String(code),
    String(token),
    password,
    'alice',
    'example.org',
    'hike',
  ]) {
    t.notOk(log.includes(text), text);
  }
});

t.test('an action is logged even if nobody waits for the answer', async (t) => {
  const world = await startAudited(t);
  const { alice, carol, chatId, take } = world;
  const { hostname, port } = new URL(await addressOf(world));
  take();
  const socket = connect(Number(port), hostname);
  const cookie = cookieOf(carol);
  socket.write(`DELETE /api/user HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`);
  const [request] = await once(world.app.server, 'request');
  socket.destroy();
  await once(request.socket, 'close');
  while ((await carol.get('/api/chats')).status === 200);
  t.match(take(), [done('account_deleted', carol.id)]);
  t.equal((await alice.get(`/api/chats/${chatId}`)).status, 200);
});

t.test('the logged address is the client’s own, as a trusted proxy reports it', async (t) => {
  const { nobody, take } = await startAudited(t, { TRUST_PROXY: '10.0.0.1' });
  take();
  const headers = { 'x-forwarded-for': '203.0.113.7' };
  const login = { method: 'POST', url: '/api/login', headers, remoteAddress: '10.0.0.1' } as const;
  await nobody().request({ ...login, payload: { name: 'alice', password } });
  t.match(take(), [{ audit: 'signed_in', address: '203.0.113.7' }]);
});
