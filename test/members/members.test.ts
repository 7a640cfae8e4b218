import t from 'tap';
import { done, refused } from '../helpers/answers.ts';
import { nextOf, pagesOf } from '../helpers/pages.ts';
import { allRows, damage, execute, query } from '../helpers/rows.ts';
import { type Answer, type Person, startCast } from '../helpers/world.ts';

const noChat = 'There is no such chat.';
const notMember = 'You are not a member of this chat. Ask one of its members to add you.';
const badName =
  'The name must have 1 to 32 visible characters, with single spaces only between words.';

const rolesOf = async (person: Person, chat: string) =>
  (await person.get(`${chat}/members`)).body.members.map(
    ({ name, role }: { name: string; role: string }) => `${name} ${role}`,
  );

const leave = (person: Person, chat: string) =>
  person.delete(`/api/chats?chat_id=${chat.split('/').at(-1)}`);

t.test('members are listed to members, longest-standing first', async (t) => {
  const { alice, bob, carol, chat, clock } = await startCast(t);
  clock.now += 1000;
  const answer = await bob.post(`${chat}/members`, { name: 'CAROL' });
  done(t, answer, 201);
  t.equal(answer.headers.location, `${chat}/members/${carol.id}`);
  const { status, text } = await carol.get(`${chat}/members`);
  t.equal(status, 200);
  const joined = '2026-11-22T08:35:52.123Z';
  t.equal(
    text,
    '{"members":[' +
      `{"id":${alice.id},"joined":"${joined}","name":"alice","role":"owner"},` +
      `{"id":${bob.id},"joined":"${joined}","name":"bob","role":"member"},` +
      `{"id":${carol.id},"joined":"2026-11-22T08:35:53.123Z","name":"carol","role":"member"}]}`,
  );
});

t.test('members are paginated, each of them once', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const chatId = Number(chat.split('/').at(-1));
  const numbers =
    'with recursive numbers(n) as (select 1000 union all select n + 1 from numbers where n < 1450)';
  execute(
    file,
    `${numbers} insert into users (id, name, name_key, email, email_key, password_hash, role, created_at)
      select n, 'Ωmega' || n, 'ωmega' || n, n || '@x', n || '@x', 'x', 'user', 0 from numbers`,
  );
  execute(
    file,
    `${numbers} insert into memberships (user_id, chat_id, role, joined_at, joined_event)
      select n, ${chatId}, 'member', 0, n * 7 from numbers`,
  );
  const all = [alice.id, bob.id, ...Array.from({ length: 451 }, (_, i) => 1000 + i)];
  for (const [query, length] of [
    ['', 200],
    ['?limit=200', 200],
    ['?limit=7', 7],
  ] as const) {
    const pages = await pagesOf<{ id: number }>(bob, `${chat}/members${query}`, 'members');
    const ids = pages.map(({ items }) => items.map(({ id }) => id));
    t.strictSame(ids.flat(), all, query);
    t.ok(ids.slice(0, -1).every((page) => page.length === length));
    t.ok(pages.every(({ bytes }) => bytes <= 256 * 1024));
  }
  const first = await bob.get(`${chat}/members?limit=100`);
  execute(file, 'delete from memberships where user_id in (1096, 1097, 1098)');
  const rest = await pagesOf<{ id: number }>(bob, String(nextOf(first)), 'members');
  const left = all.filter((id) => ![1096, 1097, 1098].includes(id));
  const seen = rest.flatMap(({ items }) => items.map(({ id }) => id));
  t.strictSame(seen, left.slice(-seen.length), 'though the last one of a page is gone');
  t.equal(seen[0], 1099);
  for (const limit of ['0', '201', '', '1e2', '-1']) {
    const sentence = 'The limit must be a whole number from 1 to 200.';
    refused(t, await bob.get(`${chat}/members?limit=${limit}`), 400, sentence);
  }
});

t.test('non-members neither see members nor add any', async (t) => {
  const { alice, carol, chat, file } = await startCast(t);
  const before = query(file, 'select * from memberships');
  refused(t, await carol.get(`${chat}/members`), 403, notMember);
  refused(t, await carol.post(`${chat}/members`, { name: 'carol' }), 403, notMember);
  refused(t, await carol.get('/api/chats/999999/members'), 404, noChat);
  refused(t, await carol.post('/api/chats/999999/members', { name: 'carol' }), 404, noChat);
  refused(t, await carol.post(`${chat}/members`, { name: 'nobody' }), 403, notMember);
  t.strictSame(query(file, 'select * from memberships'), before);
  t.strictSame(await rolesOf(alice, chat), ['alice owner', 'bob member']);
});

t.test('only an existing user is added, once, as a member', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const add = (name: string) => bob.post(`${chat}/members`, { name });
  refused(t, await add('dora'), 404, 'There is no such user.');
  refused(t, await add(''), 400, badName);
  refused(t, await add(' carol'), 400, badName);
  refused(t, await bob.post(`${chat}/members`), 400, badName);
  for (const name of ['bob', 'ALICE']) {
    refused(t, await add(name), 400, 'This user is already a member of the chat.');
  }
  const extras = { name: 'carol', role: 'owner', user_id: String(alice.id), joined_at: '1' };
  done(t, await bob.post(`${chat}/members`, extras), 201);
  t.strictSame(await rolesOf(alice, chat), ['alice owner', 'bob member', 'carol member']);
  t.notOk(query(file, 'select * from memberships where joined_at = 1').length);
});

t.test('an owner who leaves hands over to the longest-standing member', async (t) => {
  const { alice, bob, carol, chat, clock } = await startCast(t);
  clock.now += 1000;
  await alice.post(`${chat}/members`, { name: 'carol' });
  done(t, await leave(alice, chat));
  t.strictSame(await rolesOf(carol, chat), ['bob owner', 'carol member']);
  clock.now += 1000;
  await bob.post(`${chat}/members`, { name: 'alice' });
  done(t, await leave(bob, chat));
  t.strictSame(
    await rolesOf(carol, chat),
    ['carol owner', 'alice member'],
    'a returning member is last',
  );
});

t.test('a member who leaves changes no other role', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  done(t, await leave(bob, chat));
  t.strictSame(await rolesOf(alice, chat), ['alice owner']);
});

t.test('when two leave at once, one owner is left, or no chat', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  await alice.post(`${chat}/members`, { name: 'carol' });
  const answers = await Promise.all([leave(alice, chat), leave(bob, chat)]);
  for (const answer of answers) done(t, answer);
  t.strictSame(await rolesOf(carol, chat), ['carol owner']);
});

t.test('the last member leaves while another is added: either state is consistent', async (t) => {
  const { alice, carol, file } = await startCast(t);
  // All with a body, so that they arrive in the order in which they are sent.
  const body = { name: 'carol' };
  const ways = [
    (chat: string) => alice.post(`${chat}/members`, body),
    (_: string, invite: string) => carol.post(invite, body),
  ];
  for (const enter of ways) {
    for (const isFirst of [true, false]) {
      const chat = await alice.createChat('meeting');
      const invite = String((await alice.post(`${chat}/invites`)).headers.location);
      const requests = [
        () => enter(chat, invite),
        () => alice.form('DELETE', `/api/chats?chat_id=${chat.split('/').at(-1)}`, body),
      ];
      const ordered = isFirst ? requests : requests.toReversed();
      const answers = await Promise.all(ordered.map((one) => one()));
      const [added, left] = (isFirst ? answers : answers.toReversed()) as [Answer, Answer];
      done(t, left);
      if (isFirst) {
        done(t, added, 201);
        t.strictSame(await rolesOf(carol, chat), ['carol owner']);
      } else refused(t, added, 404);
      refused(t, await alice.get(chat), isFirst ? 403 : 404);
    }
  }
  t.strictSame(damage(file), []);
});

const notOwner = 'Only an owner of this chat may do this.';
const noMember = 'This user is not a member of the chat.';
const removed = 'You were removed from this chat. Ask one of its owners to add you.';
const userRemoved = 'This user was removed from the chat. Only an owner may add them again.';

const setRole = (person: Person, chat: string, id: number, role: string) =>
  person.put(`${chat}/members/${id}`, { role });

const remove = (person: Person, chat: string, id: number) =>
  person.delete(`${chat}/members?user_id=${id}`);

t.test('an owner makes others owners and hands over', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  const lastOwner = 'A chat needs an owner. Make somebody else an owner first.';
  refused(t, await setRole(alice, chat, alice.id, 'member'), 400, lastOwner);
  done(t, await setRole(alice, chat, alice.id, 'owner'));
  done(t, await setRole(alice, chat, bob.id, 'owner'));
  t.strictSame(await rolesOf(bob, chat), ['alice owner', 'bob owner']);
  done(t, await setRole(bob, chat, alice.id, 'member'));
  t.strictSame(await rolesOf(bob, chat), ['alice member', 'bob owner']);
  refused(t, await setRole(alice, chat, bob.id, 'member'), 403, notOwner);
  refused(t, await setRole(bob, chat, bob.id, 'member'), 400, lastOwner);
  t.strictSame(await rolesOf(bob, chat), ['alice member', 'bob owner']);
});

t.test('only owners change roles, and only of members', async (t) => {
  const { alice, bob, carol, chat, file } = await startCast(t);
  const before = allRows(file);
  refused(t, await setRole(bob, chat, bob.id, 'owner'), 403, notOwner);
  refused(t, await setRole(carol, chat, carol.id, 'owner'), 403, notMember);
  refused(t, await setRole(alice, chat, carol.id, 'owner'), 404, noMember);
  refused(t, await setRole(alice, chat, 999_999, 'owner'), 404, noMember);
  refused(t, await setRole(alice, '/api/chats/999999', bob.id, 'owner'), 404, noChat);
  const badRole = 'The role must be owner or member.';
  for (const role of ['', 'Owner', 'admin', 'owner ']) {
    refused(t, await setRole(alice, chat, bob.id, role), 400, badRole, role);
  }
  refused(t, await alice.put(`${chat}/members/${bob.id}`), 400, badRole);
  t.strictSame(allRows(file), before);
});

t.test('when two owners step down at once, one stays', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  await setRole(alice, chat, bob.id, 'owner');
  const answers = await Promise.all(
    [alice, bob].map((person) => setRole(person, chat, person.id, 'member')),
  );
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 400]);
  const roles = await rolesOf(alice, chat);
  t.equal(roles.filter((role: string) => role.endsWith('owner')).length, 1);
});

t.test('only an owner removes others; a removed member sees nothing more', async (t) => {
  const { alice, bob, carol, chat, file } = await startCast(t);
  await alice.post(`${chat}/members`, { name: 'carol' });
  await carol.send(chat, 'I was here');
  const before = allRows(file);
  refused(t, await remove(bob, chat, carol.id), 403, notOwner);
  refused(t, await remove(bob, chat, alice.id), 403, notOwner);
  refused(t, await remove(bob, chat, 999_999), 403, notOwner);
  refused(t, await remove(alice, chat, 999_999), 404, noMember);
  t.strictSame(allRows(file), before);
  done(t, await remove(alice, chat, carol.id));
  t.strictSame(await rolesOf(alice, chat), ['alice owner', 'bob member']);
  for (const url of [chat, `${chat}/members`, `/api/search?q=here&chat_id=${chat.split('/')[3]}`]) {
    refused(t, await carol.get(url), 403, notMember);
  }
  t.strictSame((await carol.get('/api/chats')).body, { chats: [] });
  t.strictSame((await carol.get('/api/search?q=here')).body, { hits: [] });
  refused(t, await carol.post(chat, { content: 'and now?' }), 403, notMember);
  t.match((await bob.get(chat)).body.messages, [{ content: 'I was here', sender_id: carol.id }]);
  refused(t, await remove(alice, chat, carol.id), 404, noMember);
});

t.test('removing oneself is leaving', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  done(t, await remove(bob, chat, bob.id));
  done(t, await alice.post(`${chat}/members`, { name: 'bob' }), 201);
  await alice.post(`${chat}/members`, { name: 'carol' });
  done(t, await remove(alice, chat, alice.id));
  t.strictSame(await rolesOf(bob, chat), ['bob owner', 'carol member']);
  done(t, await carol.post(`${chat}/members`, { name: 'alice' }), 201);
});

t.test('only an owner brings back a removed member', async (t) => {
  const { alice, bob, carol, chat, file } = await startCast(t);
  const add = (person: Person, name: string) => person.post(`${chat}/members`, { name });
  const invite = String((await bob.post(`${chat}/invites`)).headers.location);
  const ofOwner = String((await alice.post(`${chat}/invites`)).headers.location);
  await add(alice, 'carol');
  done(t, await remove(alice, chat, carol.id));
  const before = allRows(file);
  refused(t, await add(bob, 'carol'), 403, userRemoved);
  for (const one of [invite, ofOwner]) refused(t, await carol.post(one), 403, removed);
  refused(t, await add(carol, 'carol'), 403, notMember);
  t.strictSame(allRows(file), before, 'and uses up no invite');

  done(t, await add(alice, 'carol'), 201);
  done(t, await leave(carol, chat));
  done(t, await carol.post(invite), 201);
  t.strictSame(await rolesOf(alice, chat), ['alice owner', 'bob member', 'carol member']);
});

t.test('a user removed from an open chat cannot join it again', async (t) => {
  const { alice, bob, register } = await startCast(t);
  const open = String(
    (await alice.post('/api/chats', { title: 'Open', open: '1' })).headers.location,
  );
  const join = (person: Person) => person.post(`${open}/members`, { name: person.name });
  const dora = await register('dora');
  done(t, await join(bob), 201);
  done(t, await join(dora), 201);
  done(t, await remove(alice, open, bob.id));
  t.match((await bob.get('/api/directory')).body.chats, [{ title: 'Open', members: 2 }]);
  refused(t, await join(bob), 403, removed);
  refused(t, await dora.post(`${open}/members`, { name: 'bob' }), 403, userRemoved);
  // Any owner can add him back, not only the one who removed him.
  await setRole(alice, open, dora.id, 'owner');
  done(t, await leave(alice, open));
  done(t, await dora.post(`${open}/members`, { name: 'bob' }), 201);
});

t.test(
  'members choose their own notification level, and type only in their own chats',
  async (t) => {
    const { alice, bob, carol, chat, file } = await startCast(t);
    const choose = (person: Person, notify: string) => person.put(`${chat}/notify`, { notify });
    const shown = async (person: Person) => (await person.get('/api/chats')).body.chats[0].notify;
    for (const notify of ['mentions', 'nothing']) {
      done(t, await choose(bob, notify));
      t.equal(await shown(bob), notify);
    }
    t.equal(await shown(alice), undefined);
    done(t, await choose(bob, 'all'));
    t.equal(await shown(bob), undefined, 'the default is omitted');
    const before = allRows(file);
    refused(t, await choose(carol, 'all'), 403, notMember);
    const badNotify = 'Set notify to all, mentions or nothing.';
    for (const notify of ['', 'All', 'none']) refused(t, await choose(bob, notify), 400, badNotify);
    done(t, await bob.post(`${chat}/typing`));
    refused(t, await carol.post(`${chat}/typing`), 403, notMember);
    refused(t, await carol.post('/api/chats/999999/typing'), 404, noChat);
    t.strictSame(allRows(file), before, 'typing is stored nowhere');
  },
);
