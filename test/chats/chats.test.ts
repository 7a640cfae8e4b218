import { readFile } from 'node:fs/promises';
import t from 'tap';
import { readList } from '../../src/chats/list.ts';
import type { QueryCache } from '../../src/db/cache/cached-query.ts';
import { openStore } from '../../src/db/open.ts';
import type { Reads } from '../../src/db/query/query.ts';
import type { Store } from '../../src/db/store.ts';
import { clearAllDeleted } from '../../src/jobs/deletions.ts';
import { done, refused } from '../helpers/answers.ts';
import { nextOf, pagesOf } from '../helpers/pages.ts';
import { addChats, allRows, damage, query } from '../helpers/rows.ts';
import { type Answer, type Person, startCast, startWorld } from '../helpers/world.ts';

const badTitle =
  'The title must have 1 to 100 visible characters on one line, and must not be blank.';
const noChat = 'There is no such chat.';
const notMember = 'You are not a member of this chat. Ask one of its members to add you.';
const notOwner = 'Only an owner of this chat may do this.';
const noRoles = 'A direct chat has exactly two members, no roles and no title of its own.';
const badId = 'The chat id must be a whole number of at least 1, in plain digits.';

const idOf = (chat: string) => Number(chat.split('/').at(-1));
const chatsOf = async (person: Person) => (await person.get('/api/chats')).body.chats;
const titlesOf = async (person: Person) =>
  (await chatsOf(person)).map((chat: { title: string }) => chat.title);

t.test('a chat is created and listed for its members only', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  const { status, text, headers } = await bob.get('/api/chats');
  t.equal(status, 200);
  t.equal(headers['content-type'], 'application/json');
  t.equal(
    text,
    `{"chats":[{"id":${idOf(chat)},"last_message":null,"last_message_time":null,"sender_id":null,"title":"Sunday hike"}]}`,
  );
  t.strictSame((await carol.get('/api/chats')).body, { chats: [] });
  t.equal((await alice.get('/api/chats')).text, text);
});

t.test('the response to a creation gives the chat’s address', async (t) => {
  const { register } = await startWorld(t);
  const alice = await register('alice');
  const answer = await alice.post('/api/chats', { title: 'One' });
  done(t, answer, 201);
  t.match(answer.headers.location, /^\/api\/chats\/[1-9]\d*$/);
  t.equal((await alice.get(String(answer.headers.location))).text, '{"messages":[]}');
});

t.test('the last message appears in the list, byte for byte', async (t) => {
  const { alice, bob, chat, clock } = await startCast(t);
  const first = await alice.send(chat, 'first');
  clock.now += 1000;
  await bob.send(chat, 'Um neun? "Ja" ☀️');
  const documented = `"id":${idOf(chat)},"last_message":"Um neun? \\"Ja\\" ☀️","last_message_time":"2026-11-22T08:35:53.123Z","sender_id":${bob.id},"title":"Sunday hike"`;
  t.equal((await bob.get('/api/chats')).text, `{"chats":[{${documented}}]}`);
  t.equal(
    (await alice.get('/api/chats')).text,
    `{"chats":[{${documented},"unread":1,"read_id":${first}}]}`,
    'her unread count is listed with it',
  );
});

t.test('the list shows a last message in any script, also on a page', async (t) => {
  const { alice, chat } = await startCast(t);
  const texts = [
    'ß',
    'é\u0301',
    'Привет',
    '日本語',
    '👩‍👩‍👧‍👦',
    '\u0080\u00ff\u0100',
    '"\\\u2028',
    '𝕏'.repeat(4000),
  ];
  for (const content of texts) {
    await alice.send(chat, content);
    t.equal((await chatsOf(alice))[0].last_message, content, 'after an event');
    const answer = await alice.get('/api/chats?limit=1');
    t.equal(answer.body.chats[0].last_message, content);
    t.equal(Number(answer.headers['content-length']), Buffer.byteLength(answer.text));
  }
});

t.test('deleting the last message brings back the one before it', async (t) => {
  const { alice, bob, chat, clock } = await startCast(t);
  const shown = async () => {
    await alice.put(`${chat}/read`, { id: '999999999999999' });
    return (await alice.get('/api/chats')).text;
  };
  const empty = await shown();
  const first = await alice.send(chat, 'first');
  const one = await shown();
  clock.now += 1000;
  const middle = await bob.send(chat, 'middle');
  const last = await bob.send(chat, 'last');
  const all = await shown();
  done(t, await bob.delete(`${chat}?id=${middle}`));
  t.equal(await shown(), all, 'deleting an earlier message changes nothing');
  done(t, await bob.delete(`${chat}?id=${last}`));
  t.equal(await shown(), one);
  done(t, await alice.delete(`${chat}?id=${first}`));
  t.equal(await shown(), empty);
});

t.test('the list names the latest event it includes, also after a restart', async (t) => {
  const { app, db, file, alice, bob, chat } = await startCast(t);
  await alice.send(chat, 'Hi');
  const posted = (await bob.get(chat)).body as { messages: { id: number }[] };
  const newest = posted.messages[0]?.id ?? 0;
  const reach = async () => Number((await bob.get('/api/chats')).headers['last-event-id']);
  t.equal(await reach(), newest);
  await bob.put(`${chat}/read`, { id: `${newest}` });
  t.ok((await reach()) > newest, 'each event counts');
  const before = await reach();
  await app.close();
  await db.close();
  const reopened = openStore(file);
  t.equal(reopened.newestEventId, before);
  await reopened.close();
});

t.test('chats are listed by their latest activity, newest first', async (t) => {
  const { register, clock } = await startWorld(t);
  const alice = await register('alice');
  const one = await alice.createChat('one');
  const two = await alice.createChat('two');
  await alice.createChat('three');
  t.strictSame(await titlesOf(alice), ['three', 'two', 'one']);
  // The order is that of the events, so a clock that stops or goes back changes nothing.
  clock.now -= 3_600_000;
  await alice.send(one, 'hello');
  t.strictSame(await titlesOf(alice), ['one', 'three', 'two']);
  const id = await alice.send(two, 'hello');
  t.strictSame(await titlesOf(alice), ['two', 'one', 'three']);
  await alice.delete(`${two}?id=${id}`);
  t.strictSame(await titlesOf(alice), ['one', 'three', 'two']);
});

t.test('only members rename a chat', async (t) => {
  const { alice, bob, carol, chat, file } = await startCast(t);
  done(t, await bob.put(chat, { title: 'Monday' }));
  t.strictSame(await titlesOf(alice), ['Monday']);
  refused(t, await carol.put(chat, { title: 'Mine' }), 403, notMember);
  refused(t, await carol.put('/api/chats/999999', { title: 'Mine' }), 404, noChat);
  t.strictSame(await titlesOf(alice), ['Monday']);
  const before = query(file, 'select * from chats');
  const extras = { id: '99', chat_id: '99', open: '1', with: 'carol', owner: 'bob', role: 'owner' };
  done(t, await bob.put(chat, { title: 'Monday', ...extras, last_message: 'x' }));
  t.strictSame(query(file, 'select * from chats'), before, 'extra fields change nothing');
});

t.test('the owners of a chat choose who renames it', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  const permissions = `${chat}/permissions`;
  const choice = 'Set rename, invite or both to everybody or owners.';
  refused(t, await alice.put(permissions, {}), 400, choice);
  const either = 'Set rename to everybody or owners.';
  refused(t, await alice.put(permissions, { rename: 'nobody' }), 400, either);
  refused(t, await carol.put(permissions, { rename: 'owners' }), 403, notMember);
  refused(t, await bob.put(permissions, { rename: 'owners' }), 403, notOwner);
  t.notMatch((await bob.get('/api/chats')).text, /owners/);
  done(t, await alice.put(permissions, { rename: 'owners' }));
  t.match((await chatsOf(bob))[0], { rename: 'owners' });
  refused(t, await bob.put(chat, { title: 'Monday' }), 403, notOwner);
  refused(t, await carol.put(chat, { title: 'Monday' }), 403, notMember);
  done(t, await alice.put(chat, { title: 'Monday' }));
  done(t, await alice.put(permissions, { invite: 'owners' }));
  t.match((await chatsOf(bob))[0], { title: 'Monday', rename: 'owners', invite: 'owners' });
  done(t, await alice.put(permissions, { rename: 'everybody' }));
  done(t, await bob.put(chat, { title: 'Tuesday' }));
  const { rename, invite, title } = (await chatsOf(alice))[0];
  t.strictSame(
    { rename, invite, title },
    { rename: undefined, invite: 'owners', title: 'Tuesday' },
  );
  const direct = await alice.post('/api/chats', { with: 'bob' });
  const own = `${direct.headers.location}/permissions`;
  refused(t, await alice.put(own, { rename: 'owners' }), 400, noRoles);
});

t.test('a title has up to 100 code points, is visible, and is stored byte for byte', async (t) => {
  const { alice, chat, file } = await startCast(t);
  const good = [
    'x',
    'x'.repeat(99),
    'x'.repeat(100),
    '🦆'.repeat(100),
    '  kept  ',
    'e\u0301 x',
    "'; drop table chats; --",
    '<img src=x onerror=alert(1)>',
    '%_\\ {{7*7}} $(id) ../ %zz',
    '👩‍👩‍👧‍👦',
    `z${'\u0301'.repeat(99)}`,
    '❤️ ❤️‍🔥 1️⃣ 🏴󠁧󠁢󠁳󠁣󠁴󠁿',
    'می\u200cخواهم, क्\u200dष',
  ];
  for (const title of good) {
    done(t, await alice.put(chat, { title }));
    t.equal((await titlesOf(alice)).at(-1), title);
    done(t, await alice.post('/api/chats', { title }), 201);
    t.equal((await chatsOf(alice))[0].title, title);
  }
  const count = query(file, 'select * from chats').length;
  const bad = [
    '',
    ' ',
    '\u200b\u200d',
    '\u2800\u3164',
    '\n',
    'two\nlines',
    'two\rlines',
    'tab\t',
    'nul\u0000',
    'x'.repeat(101),
    '🦆'.repeat(101),
    // All characters that change the direction, and all that are invisible.
    ...[0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068],
    ...[0x2069, 0x00ad, 0x034f, 0x200b, 0x2060, 0x2061, 0x206a, 0xfeff, 0xe0041, 0xe0100, 0xfe00],
    ...[0x115f, 0x3164, 0xffa0, 0x2800, 0x180e, 0xfff9, 0x1d173],
    'a \u200d\u200d b',
    'x\u{e0067}\u{e007f}',
  ].map((title) => (typeof title === 'number' ? `a${String.fromCodePoint(title)}b` : title));
  for (const title of bad) {
    refused(t, await alice.put(chat, { title }), 400, badTitle, title);
    refused(t, await alice.post('/api/chats', { title }), 400, badTitle, title);
  }
  for (const fields of [{}, { Title: 'x' }, { 'title[]': 'x' }, { 'title[x]': 'x' }]) {
    refused(t, await alice.put(chat, fields), 400, badTitle);
    refused(t, await alice.post('/api/chats', fields), 400, badTitle);
  }
  t.equal(query(file, 'select * from chats').length, count);
});

t.test('a user who leaves a chat loses access, and may be added again', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  const id = await bob.send(chat, 'bye');
  done(t, await bob.delete(`/api/chats?chat_id=${idOf(chat)}`));
  t.strictSame(await chatsOf(bob), []);
  refused(t, await bob.get(chat), 403, notMember);
  refused(t, await bob.post(chat, { content: 'still here' }), 403, notMember);
  refused(t, await bob.put(chat, { title: 'still mine' }), 403, notMember);
  refused(t, await bob.delete(`${chat}?id=${id}`), 403, notMember);
  refused(t, await bob.get(`${chat}/members`), 403, notMember);
  refused(t, await bob.post(`${chat}/members`, { name: 'bob' }), 403, notMember);
  refused(t, await bob.delete(`/api/chats?chat_id=${idOf(chat)}`), 403, notMember);
  t.strictSame((await alice.get(chat)).body.messages[0].sender_id, bob.id, 'their messages stay');
  done(t, await alice.post(`${chat}/members`, { name: 'bob' }), 201);
  done(t, await bob.delete(`${chat}?id=${id}`));
});

t.test('leaving requires the exact id of the chat', async (t) => {
  const { alice, carol, chat, file } = await startCast(t);
  const leave = (query: string) => alice.delete(`/api/chats${query}`);
  const id = idOf(chat);
  for (const query of [
    '',
    '?chat_id=',
    `?chat_id=${id}&chat_id=${id}`,
    `?chat_id[]=${id}`,
    `?CHAT_ID=${id}`,
    `?id=${id}`,
    `?chat_id=${id};x`,
    `?chat_id=${id} OR 1=1`,
    '?chat_id=*',
  ]) {
    refused(t, await leave(query.replaceAll(' ', '%20')), 400, badId, query);
  }
  const inBody = await alice.form('DELETE', '/api/chats', { chat_id: String(id) });
  refused(t, inBody, 400, badId);
  refused(t, await leave('?chat_id=999999'), 404, noChat);
  refused(t, await carol.delete(`/api/chats?chat_id=${id}`), 403, notMember);
  t.equal(query(file, 'select * from memberships').length, 2);
  done(t, await leave(`?chat_id=${id}&x=y&id=7`));
});

t.test('the last member to leave deletes the chat with its messages', async (t) => {
  const { alice, bob, chat, db, file } = await startCast(t);
  await alice.send(chat, 'nobody will read this');
  const leave = `/api/chats?chat_id=${idOf(chat)}`;
  done(t, await alice.delete(leave));
  t.match((await bob.get(chat)).body.messages, [{ content: 'nobody will read this' }]);
  done(t, await bob.delete(leave));
  refused(t, await alice.get(chat), 404, noChat);
  refused(t, await bob.delete(leave), 404, noChat);
  // On a busy machine the deletion itself may not have had the time for everything.
  await clearAllDeleted(db);
  for (const table of ['chats', 'messages', 'memberships']) {
    t.strictSame(query(file, `select * from ${table}`), [], table);
  }
  t.strictSame(damage(file), []);
});

t.test('the id of a deleted chat is never reused', async (t) => {
  const { register } = await startWorld(t);
  const alice = await register('alice');
  const gone = await alice.createChat('gone');
  await alice.delete(`/api/chats?chat_id=${idOf(gone)}`);
  t.ok(idOf(await alice.createChat('next')) > idOf(gone));
});

t.test('creating, joining and leaving at once leaves every membership whole', async (t) => {
  const { alice, bob, carol, chat, file } = await startCast(t);
  const leave = `/api/chats?chat_id=${idOf(chat)}`;
  const answers = await Promise.all([
    ...Array.from({ length: 10 }, (_, i) => carol.post('/api/chats', { title: `chat ${i}` })),
    ...Array.from({ length: 10 }, () => alice.post(`${chat}/members`, { name: 'carol' })),
    ...Array.from({ length: 5 }, () => bob.delete(leave)),
  ]);
  const count = (status: number) => answers.filter((answer) => answer.status === status).length;
  t.equal(count(201), 11, 'ten chats and one membership');
  t.equal(count(400), 9, 'carol was already a member nine times');
  t.equal(count(200), 1, 'bob left once');
  t.equal(count(403), 4, 'the other times he had left already');
  t.equal((await chatsOf(carol)).length, 11);
  t.strictSame(damage(file), []);
});

t.test('deleting a chat during posts, reads and searches leaves no orphans', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const leave = `/api/chats?chat_id=${idOf(chat)}`;
  const requests = Array.from({ length: 60 }, (_, i) => {
    // With a body, so that it takes as long to arrive as the posts.
    if (i === 20) return alice.form('DELETE', leave, { x: 'y' });
    if (i === 40) return bob.form('DELETE', leave, { x: 'y' });
    const person = i % 2 === 0 ? alice : bob;
    if (i % 6 === 0) return person.get('/api/search?q=word');
    return i % 3 === 0 ? person.get(chat) : person.post(chat, { content: `word ${i}` });
  });
  const answers = await Promise.all(requests);
  t.ok(answers.every(({ status }) => [200, 201, 403, 404].includes(status)));
  for (const status of [201, 403, 404]) {
    t.ok(
      answers.some((answer) => answer.status === status),
      `some were answered ${status}`,
    );
  }
  t.strictSame(query(file, 'select id from messages'), []);
  t.strictSame(query(file, 'select rowid from search'), []);
  t.strictSame(damage(file), []);
  for (const person of [alice, bob]) {
    t.strictSame((await person.get('/api/search?q=word')).body, { hits: [] });
  }
  refused(t, await alice.post(chat, { content: 'too late' }), 404, noChat);
});

const directChat = 'A direct chat has exactly two members, no roles and no title of its own.';

/** Opens the direct chat with a user; returns its address. */
async function openDirect(person: Person, name: string): Promise<string> {
  const { headers } = await person.post('/api/chats', { with: name });
  return String(headers.location);
}

const leave = (person: Person, chat: string) => person.delete(`/api/chats?chat_id=${idOf(chat)}`);

t.test('a message in a direct chat brings back the partner who left it', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  const direct = await openDirect(alice, 'bob');
  await alice.send(direct, 'before');
  done(t, await bob.delete(`/api/chats?chat_id=${idOf(direct)}`));
  refused(t, await bob.get(direct), 403, notMember);
  t.equal((await bob.get('/api/chats')).body.chats.length, 1);
  refused(t, await alice.post(direct, { content: 'x', reply_to: '999999' }), 404);
  refused(t, await bob.get(direct), 403, notMember, 'nothing was written');
  const headers = { 'idempotency-key': 'once' };
  const send = () =>
    alice.request({ method: 'POST', url: direct, payload: { content: 'after' }, headers });
  for (let i = 0; i < 2; i++) done(t, await send(), 201);
  const [first] = (await bob.get('/api/chats')).body.chats;
  t.match(first, { id: Number(idOf(direct)), title: 'alice', last_message: 'after', unread: 1 });
  t.equal((await bob.get(direct)).body.messages.length, 2);
  done(t, await bob.post(direct, { content: 'here' }), 201);
  // In other chats, a user who has left stays away.
  done(t, await bob.delete(`/api/chats?chat_id=${idOf(chat)}`));
  await alice.send(chat, 'Hi');
  refused(t, await bob.get(chat), 403, notMember);
});

t.test('nobody can write to a deleted or disabled account', async (t) => {
  const { alice, bob, carol } = await startCast(t);
  const nobodyThere =
    'The account of the other person was deleted or disabled. Nobody would read this.';
  const [toBob, toCarol] = [await openDirect(alice, 'bob'), await openDirect(alice, 'carol')];
  done(t, await alice.put(`/api/users/${bob.id}`, { disabled: '1' }));
  refused(t, await alice.post(toBob, { content: 'x' }), 403, nobodyThere);
  done(t, await alice.put(`/api/users/${bob.id}`, { disabled: '0' }));
  done(t, await alice.post(toBob, { content: 'welcome back' }), 201);
  done(t, await carol.delete('/api/user'));
  refused(t, await alice.post(toCarol, { content: 'x' }), 403, nobodyThere);
  t.equal((await alice.get(toCarol)).body.messages.length, 0);
});

t.test('a direct chat is the same from both sides, under the other user’s name', async (t) => {
  const { alice, bob, carol, file } = await startCast(t);
  const answer = await bob.post('/api/chats', { with: 'ALICE' });
  done(t, answer, 201);
  const direct = String(answer.headers.location);
  t.equal(await openDirect(alice, 'bob'), direct);
  t.equal(await openDirect(bob, 'alice'), direct);
  t.not(await openDirect(alice, 'carol'), direct);
  t.not(await openDirect(bob, 'carol'), direct);
  const id = await alice.send(direct, 'just us');
  const documented = (partner: string) =>
    `{"id":${idOf(direct)},"last_message":"just us","last_message_time":"2026-11-22T08:35:52.123Z","sender_id":${alice.id},"title":"${partner}"`;
  t.ok(
    (await alice.get('/api/chats')).text.startsWith(
      `{"chats":[${documented('bob')},"partner_id":${bob.id},"direct":true}`,
    ),
  );
  const unread = `"unread":1,"read_id":0,"partner_id":${alice.id},"direct":true}`;
  t.ok((await bob.get('/api/chats')).text.startsWith(`{"chats":[${documented('alice')},${unread}`));
  t.match((await bob.get(direct)).body.messages, [{ id, content: 'just us' }]);
  const members = (await bob.get(`${direct}/members`)).body.members;
  t.match(members, [{ role: 'member' }, { role: 'member' }]);
  refused(t, await carol.get(direct), 403, notMember);
  t.equal(query(file, 'select * from chats where direct_low is not null').length, 3);

  for (const name of ['Robert', 'René', 'Аня', '李小龙']) {
    done(t, await bob.put('/api/user', { name }));
    t.equal((await titlesOf(alice))[0], name);
  }
});

t.test('opening one direct chat 20 times at once makes one chat', async (t) => {
  const { alice, bob, file } = await startCast(t);
  const places = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0 ? openDirect(alice, 'bob') : openDirect(bob, 'alice'),
    ),
  );
  t.equal(new Set(places).size, 1);
  t.match(places[0], /^\/api\/chats\/\d+$/);
  t.equal(query(file, 'select * from chats where direct_low is not null').length, 1);
  t.equal(
    query(file, 'select * from memberships where chat_id = ?', idOf(String(places[0]))).length,
    2,
  );
});

t.test('a direct chat needs another user, and no other field', async (t) => {
  const { alice, file } = await startCast(t);
  const before = allRows(file);
  const create = (fields: Record<string, string>) => alice.post('/api/chats', fields);
  const self = 'You cannot start a direct chat with yourself. Enter the name of another user.';
  refused(t, await create({ with: 'Alice' }), 400, self);
  refused(t, await create({ with: 'dora' }), 404, 'There is no such user.');
  refused(t, await create({ with: '' }), 400);
  const both = 'Send a title or with, not both.';
  refused(t, await create({ with: 'bob', title: 'x' }), 400, both);
  t.strictSame(allRows(file), before);
});

t.test('a direct chat has no title, roles, invites or third member', async (t) => {
  const { alice, bob, file } = await startCast(t);
  const direct = await openDirect(alice, 'bob');
  const id = await bob.send(direct, 'mine');
  const before = allRows(file);
  refused(t, await alice.put(direct, { title: 'us' }), 400, directChat);
  refused(t, await alice.post(`${direct}/members`, { name: 'carol' }), 400, directChat);
  refused(t, await alice.post(`${direct}/members`, { name: 'bob' }), 400, directChat);
  refused(t, await alice.put(`${direct}/members/${bob.id}`, { role: 'owner' }), 400, directChat);
  refused(t, await alice.put(`${direct}/members/${alice.id}`, { role: 'owner' }), 400, directChat);
  refused(t, await alice.post(`${direct}/invites`), 400, directChat);
  const notOwner = 'Only an owner of this chat may do this.';
  refused(t, await alice.delete(`${direct}/members?user_id=${bob.id}`), 403, notOwner);
  const other = 'You can edit and delete only your own messages.';
  refused(t, await alice.delete(`${direct}/messages/${id}`), 403, other);
  t.strictSame(allRows(file), before);
  t.strictSame((await alice.get(`${direct}/invites`)).body, { invites: [] });
});

t.test('a user who left a direct chat is in it again when either side opens it', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const direct = await openDirect(alice, 'bob');
  await alice.send(direct, 'hello');
  done(t, await leave(bob, direct));
  t.strictSame(await titlesOf(bob), ['Sunday hike']);
  refused(t, await bob.get(direct), 403, notMember);
  t.equal((await titlesOf(alice))[0], 'bob', 'it keeps its name');
  t.strictSame(
    query(file, 'select role from memberships where chat_id = ?', idOf(direct)),
    [{ role: 'member' }],
    'nobody becomes its owner',
  );
  t.equal(await openDirect(alice, 'bob'), direct);
  t.match((await bob.get(direct)).body.messages, [{ content: 'hello' }]);
  done(t, await leave(bob, direct));
  t.equal(await openDirect(bob, 'alice'), direct);
  done(t, await leave(alice, direct));
  done(t, await leave(bob, direct));
  refused(t, await bob.get(direct), 404, noChat);
  t.not(await openDirect(bob, 'alice'), direct, 'a chat is gone when both have left it');
  t.equal((await alice.get(chat)).status, 200);
  t.strictSame(damage(file), []);
});

t.test('a direct chat outlives a deleted account, but the account’s name does not', async (t) => {
  const { alice, db, file, register } = await startCast(t);
  const dora = await register('Dorothea of Ghent');
  const doraId = dora.id;
  const direct = await openDirect(alice, 'Dorothea of Ghent');
  await dora.send(direct, 'farewell');
  const before = (await chatsOf(alice))[0];
  t.match(before, { title: 'Dorothea of Ghent', direct: true, partner_id: doraId });
  t.notOk('gone' in before, 'not while the account is there');
  done(t, await dora.delete('/api/user'));
  const shown = { id: idOf(direct), title: 'Direct chat', partner_id: doraId, gone: true };
  t.match((await chatsOf(alice))[0], shown);
  const others = JSON.stringify((await chatsOf(alice)).slice(1));
  t.notMatch(others, 'gone', 'no other chat');
  t.match((await alice.get(direct)).body.messages, [{ content: 'farewell', sender_id: doraId }]);
  refused(t, await alice.post(direct, { content: 'to nobody' }), 403);
  const successor = await register('Dorothea of Ghent');
  refused(t, await successor.get(direct), 403, notMember);
  t.not(await openDirect(successor, 'alice'), direct);
  done(t, await successor.delete('/api/user'));
  await db.close();
  const bytes = await readFile(file);
  t.ok(bytes.includes('farewell'), 'the whole file was read');
  t.notOk(/dorothea/i.test(bytes.toString('latin1')));
});

t.test('open chats are listed in the directory and can be joined there', async (t) => {
  const { alice, bob, carol } = await startCast(t);
  t.equal((await carol.get('/api/directory')).text, '{"chats":[]}', 'closed chats are not listed');
  const answer = await alice.post('/api/chats', { title: 'Open', open: '1' });
  done(t, answer, 201);
  const open = String(answer.headers.location);
  await openDirect(alice, 'bob');
  t.equal(
    (await carol.get('/api/directory')).text,
    `{"chats":[{"id":${idOf(open)},"members":1,"title":"Open"}]}`,
  );
  refused(t, await carol.get(open), 403, notMember);
  refused(t, await carol.post(open, { content: 'hi' }), 403, notMember);
  refused(t, await carol.post(`${open}/members`, { name: 'bob' }), 403, notMember);
  refused(t, await bob.post(`${open}/members`, { name: 'dora' }), 403, notMember);
  const joined = await carol.post(`${open}/members`, { name: 'Carol' });
  done(t, joined, 201);
  t.equal(joined.headers.location, `${open}/members/${carol.id}`);
  const again = 'This user is already a member of the chat.';
  refused(t, await carol.post(`${open}/members`, { name: 'carol' }), 400, again);
  t.equal(
    (await carol.get('/api/chats')).text,
    `{"chats":[{"id":${idOf(open)},"last_message":null,"last_message_time":null,"sender_id":null,"title":"Open","open":true}]}`,
  );
  done(t, await carol.post(`${open}/members`, { name: 'bob' }), 201);
  t.match((await bob.get('/api/directory')).body.chats, [{ members: 3 }]);
  done(t, await leave(carol, open));
  done(t, await carol.post(`${open}/members`, { name: 'carol' }), 201);
  for (const person of [alice, bob, carol]) done(t, await leave(person, open));
  t.strictSame((await carol.get('/api/directory')).body, { chats: [] });
});

t.test('only 0 and 1 open or close a chat', async (t) => {
  const { alice, carol } = await startCast(t);
  for (const open of ['0', '', 'true']) {
    const error = 'For a chat that anyone can join, send open=1.';
    refused(t, await alice.post('/api/chats', { title: 'x', open }), 400, error, open);
  }
  done(t, await alice.post('/api/chats', { with: 'carol', open: '1' }), 201);
  t.strictSame(
    (await carol.get('/api/directory')).body,
    { chats: [] },
    'a direct chat cannot be open',
  );
  t.strictSame((await chatsOf(carol))[0].open, undefined);
});

t.test('a long directory is paginated, newest first, with each chat once', async (t) => {
  const { alice, carol } = await startCast(t);
  const make = (from: number, to: number) =>
    Promise.all(numbers(from, to).map((title) => alice.post('/api/chats', { title, open: '1' })));
  await make(1, 100);
  const whole = await carol.get('/api/directory');
  t.equal(whole.body.chats.length, 100);
  t.notOk(whole.headers.link, 'exactly one page');
  await make(101, 203);
  const ids: number[] = [];
  for (let url: string | undefined = '/api/directory'; url !== undefined; ) {
    const { body, headers }: Answer = await carol.get(url);
    ids.push(...body.chats.map(({ id }: { id: number }) => id));
    url = /^<(.+)>; rel="next"$/.exec(String(headers.link ?? ''))?.[1];
    // A chat created meanwhile is newer than all that follow.
    if (url !== undefined) await alice.post('/api/chats', { title: 'late', open: '1' });
  }
  t.equal(ids.length, 203);
  t.strictSame(
    ids,
    [...new Set(ids)].sort((one, other) => other - one),
  );
});

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

t.test('a chat deleted while the list is read is left out, and no other', async (t) => {
  const { db, bob, chat } = await startCast(t);
  const gone = await bob.createChat('Soon gone');
  const memory: QueryCache & Reads = {
    isCurrent: (value) => db.isCurrent(value),
    changes: 0,
    changesSince: () => undefined,
    read: (query, input) => db.read(query, input),
    cached: (kind, input) => db.cached(kind, input),
    cachedMany: async (kind, inputs) => {
      // Between the memberships and the chats.
      if (inputs.length > 0) await bob.delete(`/api/chats?chat_id=${idOf(gone)}`);
      return db.cachedMany(kind, inputs);
    },
  };
  const { chats } = JSON.parse(String(await readList(memory, bob.id)));
  t.strictSame(
    chats.map(({ id }: { id: number }) => id),
    [idOf(chat)],
  );
  t.equal((await bob.get('/api/chats')).body.chats.length, 1);
});

t.test('the list of chats comes whole, or in pages with each chat once', async (t) => {
  const { alice, bob } = await startCast(t);
  const make = async (_: unknown, i: number) => {
    const chat = await alice.createChat(`Chat ${i}`);
    if (i % 3 === 0) await alice.send(chat, i < 100 ? '𝕏'.repeat(4000) : 'short');
  };
  await Promise.all(Array.from({ length: 215 }, make));
  await alice.post('/api/chats', { with: 'bob' });
  const whole = await chatsOf(alice);
  t.equal(whole.length, 217);
  for (const [query, length] of [
    ['?limit=200', 200],
    ['?limit=9', 9],
    ['?limit=1', 1],
    ['?before=999999999999999', 100],
  ] as const) {
    const pages = await pagesOf(alice, `/api/chats${query}`, 'chats');
    t.strictSame(
      pages.flatMap(({ items }) => items),
      whole,
      query,
    );
    t.ok(pages.every(({ items }) => items.length > 0 && items.length <= length));
    t.ok(pages.every(({ bytes }) => bytes <= 256 * 1024));
  }
  t.strictSame((await pagesOf(bob, '/api/chats?limit=1', 'chats')).length, 2);

  const first = await alice.get('/api/chats?limit=10');
  const moved = whole[15];
  await alice.send(`/api/chats/${moved.id}`, 'and up it goes');
  const rest = await pagesOf(alice, String(nextOf(first)), 'chats');
  t.strictSame(
    rest.flatMap(({ items }) => items),
    whole.slice(10).filter(({ id }: { id: number }) => id !== moved.id),
    'a chat that becomes active meanwhile moves to the front, and no other is missing',
  );
  t.equal((await alice.get('/api/chats?limit=1')).body.chats[0].id, moved.id);
});

/** Counts what a server looks up: entries of the cache, checks of entries, and reads of the file. */
function countLookups(db: Store) {
  const counts = { entries: 0, checks: 0, reads: 0 };
  const { cachedMany, isCurrent, read } = db;
  db.cachedMany = (kind, inputs) => {
    counts.entries += inputs.length;
    return cachedMany.call(db, kind, inputs) as never;
  };
  db.isCurrent = (value) => {
    counts.checks += 1;
    return isCurrent.call(db, value);
  };
  db.read = (query, input) => {
    counts.reads += 1;
    return read.call(db, query as never, input) as never;
  };
  return (): typeof counts => {
    const counted = { ...counts };
    Object.assign(counts, { entries: 0, checks: 0, reads: 0 });
    return counted;
  };
}

t.test('a change costs a list of thousands of chats what it costs a short one', async (t) => {
  const costs: { count: number }[] = [];
  for (const count of [200, 5000]) {
    const { alice, bob, db, chat, file } = await startCast(t);
    await alice.post('/api/chats', { with: 'bob' });
    addChats(file, { first: 100_000, count, userId: alice.id });
    // A write makes the server notice the changes made past it.
    await alice.send(chat, 'hello');
    const lookups = countLookups(db);
    t.equal((await alice.get('/api/chats?limit=50')).body.chats.length, 50);
    t.ok(lookups().entries >= count);
    t.equal((await pagesOf(alice, '/api/chats?limit=200', 'chats')).length, count / 200 + 1);
    t.strictSame(lookups(), { entries: 0, checks: 0, reads: 0 }, 'while nothing happens');

    let newest = 0;
    const changes: (() => Promise<unknown>)[] = [
      async () => {
        newest = await bob.send(chat, 'At nine?');
      },
      () => alice.put(`${chat}/read`, { id: String(newest) }),
      () => alice.send(chat, 'At ten'),
      () => bob.send(chat, '@alice Fine'),
      () => bob.put(`${chat}`, { title: 'Tomorrow' }),
      () => alice.put('/api/chats/100100/notify', { notify: 'nothing' }),
      () => bob.put('/api/user', { name: 'robert' }),
    ];
    for (const change of changes) {
      const before = await alice.get('/api/chats');
      await change();
      lookups();
      const page = await alice.get('/api/chats?limit=200');
      costs.push({ count, ...lookups() });
      const after = await alice.get('/api/chats');
      t.not(after.text, before.text);
      t.strictSame(page.body.chats, after.body.chats.slice(0, 200));
    }
  }
  const costsIn = (length: number) =>
    costs.flatMap(({ count, ...cost }) => (count === length ? cost : []));
  t.strictSame(costsIn(5000), costsIn(200));
});

t.test('a post reads no other user’s list', async (t) => {
  const { alice, bob, db, chat } = await startCast(t);
  await chatsOf(alice);
  const lookups = countLookups(db);
  await bob.send(chat, 'hello');
  t.equal(lookups().entries, 0);
});
