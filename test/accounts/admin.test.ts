import t from 'tap';
import { done, refused } from '../helpers/answers.ts';
import { allRows, execute } from '../helpers/rows.ts';
import { type Answer, type Person, password, startCast } from '../helpers/world.ts';

const signedOut = 'You are not signed in. Sign in first.';
const notAdmin = 'Only an admin of this server may do this.';
const noUser = 'There is no such user.';

const disable = (person: Person, id: number, disabled = '1') =>
  person.put(`/api/users/${id}`, { disabled });

const namesIn = ({ body }: Answer) => body.users.map(({ name }: { name: string }) => name);

t.test('an admin lists the users in order of their ids, byte for byte', async (t) => {
  const { alice, bob, carol, clock } = await startCast(t);
  clock.now += 1000;
  done(t, await disable(alice, bob.id));
  const emails = await Promise.all(
    [alice, bob, carol].map(async ({ id }) => (await alice.get(`/api/user/${id}`)).body.user.email),
  );
  const { status, text, headers } = await alice.get('/api/users');
  t.equal(status, 200);
  const created = '"created":"2026-11-22T08:35:52.123Z"';
  t.equal(
    text,
    '{"users":[' +
      `{"id":${alice.id},"name":"alice","email":"${emails[0]}","role":"admin",${created}},` +
      `{"id":${bob.id},"name":"bob","email":"${emails[1]}","role":"user",${created},"disabled":"2026-11-22T08:35:53.123Z"},` +
      `{"id":${carol.id},"name":"carol","email":"${emails[2]}","role":"user",${created}}]}`,
  );
  t.notOk(headers.link);
  refused(t, await carol.get('/api/users'), 403, notAdmin);
});

t.test('a long list of users is paginated, with each user once', async (t) => {
  const { alice, file } = await startCast(t);
  const fill = (from: number, to: number) =>
    execute(
      file,
      `with recursive n(i) as (select cast(? as integer) union all select i + 1 from n where i < ?)
       insert into users (name, name_key, email, email_key, password_hash, role, created_at)
       select 'u' || i, 'u' || i, 'u' || i || '@b', 'u' || i || '@b', '', 'user', 0 from n`,
      from,
      to,
    );
  fill(1, 97);
  const whole = await alice.get('/api/users');
  t.equal(whole.body.users.length, 100);
  t.notOk(whole.headers.link, 'exactly one page');
  fill(98, 202);
  const seen: string[] = [];
  const sizes: number[] = [];
  for (let url: string | undefined = '/api/users'; url !== undefined; ) {
    const page: Answer = await alice.get(url);
    sizes.push(page.body.users.length);
    seen.push(...namesIn(page));
    url = /^<(.+)>; rel="next"$/.exec(String(page.headers.link ?? ''))?.[1];
  }
  t.strictSame(sizes, [100, 100, 5]);
  const expected = Array.from({ length: 202 }, (_, i) => `u${i + 1}`);
  t.strictSame(seen, ['alice', 'bob', 'carol', ...expected]);
  t.strictSame((await alice.get('/api/users?after=999999999999999')).body, { users: [] });
});

t.test('a disabled user is signed out everywhere and cannot sign in', async (t) => {
  const { alice, bob, carol, chat, nobody, file } = await startCast(t);
  const phone = await bob.otherDevice();
  await bob.send(chat, 'before');
  done(t, await disable(alice, bob.id));
  for (const device of [bob, phone]) {
    refused(t, await device.get('/api/chats'), 403, signedOut);
    refused(t, await device.post(chat, { content: 'still here' }), 403, signedOut);
  }
  t.equal((await carol.get('/api/chats')).status, 200);
  const login = (given: string) => nobody().post('/api/login', { name: 'bob', password: given });
  const disabled = 'This account is disabled. Ask the person who runs the server.';
  refused(t, await login('not my own'), 400, 'The name or the password is wrong.');
  const before = allRows(file);
  refused(t, await login(password), 403, disabled);
  t.strictSame(allRows(file), before, 'no session is made');
  t.match((await alice.get(chat)).body.messages, [{ content: 'before', sender_id: bob.id }]);
  t.equal((await alice.get(`${chat}/members`)).body.members.length, 2, 'the user stays a member');

  done(t, await disable(alice, bob.id), 200);
  done(t, await disable(alice, bob.id, '0'));
  refused(t, await bob.get('/api/chats'), 403, signedOut);
  const back = await bob.otherDevice();
  t.match((await back.get(chat)).body.messages, [{ content: 'before' }]);
});

t.test('users who share a chat with a disabled user see the account as disabled', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  await carol.post('/api/chats', { with: 'bob' });
  const shown = async () => {
    const { members } = (await alice.get(`${chat}/members`)).body;
    const { chats } = (await carol.get('/api/chats')).body;
    return [...members, ...chats].filter((one) => 'disabled' in one);
  };
  t.strictSame(await shown(), []);
  done(t, await disable(alice, bob.id));
  t.match(await shown(), [
    { id: bob.id, name: 'bob', disabled: true },
    { title: 'bob', direct: true, disabled: true },
  ]);
  done(t, await disable(alice, bob.id, '0'));
  t.strictSame(await shown(), []);
});

t.test('a sign-in at the same time as the disabling leaves no session', async (t) => {
  const { alice, bob, nobody } = await startCast(t);
  const devices = Array.from({ length: 8 }, () => nobody());
  const answers = await Promise.all([
    ...devices.map((device) => device.post('/api/login', { name: 'bob', password })),
    disable(alice, bob.id),
  ]);
  t.ok(answers.every(({ status }) => [200, 403].includes(status)));
  for (const device of devices) refused(t, await device.get('/api/chats'), 403, signedOut);
});

t.test('only an admin disables accounts, never their own, and only with 0 or 1', async (t) => {
  const { alice, bob, file } = await startCast(t);
  const before = allRows(file);
  refused(t, await disable(alice, alice.id), 400, 'You cannot disable your own account.');
  refused(t, await disable(alice, alice.id, '0'), 400, 'You cannot disable your own account.');
  refused(t, await disable(alice, 999_999), 404, noUser);
  refused(t, await disable(bob, alice.id), 403, notAdmin);
  refused(t, await disable(bob, bob.id, '0'), 403, notAdmin);
  refused(t, await disable(bob, 999_999), 403, notAdmin);
  const badState = 'Send disabled=1 to disable the account, or disabled=0 to enable it again.';
  for (const value of ['', '2', 'true', '01']) {
    refused(t, await disable(alice, bob.id, value), 400, badState, value);
  }
  refused(t, await alice.put(`/api/users/${bob.id}`), 400, badState);
  t.strictSame(allRows(file), before);
});
