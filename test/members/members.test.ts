import t from 'tap';
import { done, refused } from '../helpers/answers.ts';
import { query } from '../helpers/rows.ts';
import { type Person, startCast } from '../helpers/world.ts';

const noChat = 'There is no such chat.';
const notMember = 'You are not a member of this chat. Ask one of its members to add you.';
const badName =
  'The name must have 1 to 32 visible characters; single spaces may stand between words.';

const rolesOf = async (person: Person, chat: string) =>
  (await person.get(`${chat}/members`)).body.members.map(
    ({ name, role }: { name: string; role: string }) => `${name} ${role}`,
  );

const leave = (person: Person, chat: string) =>
  person.delete(`/api/chats?chat_id=${chat.split('/').at(-1)}`);

t.test('members are listed to members, the longest-standing first', async (t) => {
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

t.test('strangers neither see members nor add any', async (t) => {
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

t.test('only a user is added, once, as a member', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const add = (name: string) => bob.post(`${chat}/members`, { name });
  refused(t, await add('dora'), 404, 'There is no such user.');
  refused(t, await add(''), 400, badName);
  refused(t, await add(' carol'), 400, badName);
  refused(t, await bob.post(`${chat}/members`), 400, badName);
  for (const name of ['bob', 'ALICE']) {
    refused(t, await add(name), 400, 'This user is a member of the chat already.');
  }
  const extras = { name: 'carol', role: 'owner', user_id: String(alice.id), joined_at: '1' };
  done(t, await bob.post(`${chat}/members`, extras), 201);
  t.strictSame(await rolesOf(alice, chat), ['alice owner', 'bob member', 'carol member']);
  t.notOk(query(file, 'select * from memberships where joined_at = 1').length);
});

t.test('an owner who leaves hands over to the longest-standing', async (t) => {
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
    'who comes back stands at the end',
  );
});

t.test('a member who leaves changes nobody’s role', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  done(t, await leave(bob, chat));
  t.strictSame(await rolesOf(alice, chat), ['alice owner']);
});

t.test('two who leave at once leave one owner, or no chat', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  await alice.post(`${chat}/members`, { name: 'carol' });
  const answers = await Promise.all([leave(alice, chat), leave(bob, chat)]);
  for (const answer of answers) done(t, answer);
  t.strictSame(await rolesOf(carol, chat), ['carol owner']);
});

t.test('the last one leaves while another is added: one of two legal states', async (t) => {
  const { alice, carol } = await startCast(t);
  const add = (chat: string) => alice.post(`${chat}/members`, { name: 'carol' });
  // A body takes longer to arrive: the same two requests meet in either order.
  const meetings = [
    async (chat: string) => Promise.all([add(chat), leave(alice, chat)]),
    async (chat: string) =>
      Promise.all([add(chat), alice.get(chat).then(() => leave(alice, chat))]),
  ];
  for (const meet of meetings) {
    const chat = await alice.createChat('meeting');
    const [added, left] = await meet(chat);
    done(t, left);
    if (added.status === 201) t.strictSame(await rolesOf(carol, chat), ['carol owner']);
    else refused(t, added, 404, noChat);
    refused(t, await alice.get(chat), added.status === 201 ? 403 : 404);
  }
});
