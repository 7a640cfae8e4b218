/** A server notices the writes of other processes, and sends their events like its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { openForCli } from '../../src/db/admin/open-for-cli.ts';
import type { Unit } from '../../src/db/unit-of-work.ts';
import { appendEvent } from '../../src/event-log/log.ts';
import { insertUser } from '../../src/users/queries.ts';
import { startStore } from '../helpers/database.ts';
import { RemotePerson, runSnug, type ServerProcess, startServer } from '../helpers/server.ts';
import { type EventReader, openEvents } from '../helpers/sse.ts';
import { password, tempFolder } from '../helpers/world.ts';

/** A running server with alice, its admin, bob and carol, and a chat of alice and bob. */
async function startTalk(t: Test) {
  const file = join(await tempFolder(t), 'snug.db');
  const server = await startServer(t, file);
  const register = (name: string) => new RemotePerson(server.url).register(name);
  const [alice, bob, carol] = [
    await register('alice'),
    await register('bob'),
    await register('carol'),
  ];
  const made = await alice.send('POST', '/api/chats', { title: 'Sunday hike' });
  const chat = String(made.headers.get('location'));
  await alice.send('POST', `${chat}/members`, { name: 'bob' });
  const snug = async (...args: string[]) => {
    const { code, output } = await runSnug(t, file, args);
    t.equal(code, 0, output);
    return output;
  };
  return { file, server, alice, bob, carol, chat, snug };
}

const idOf = ({ cookie }: RemotePerson) => Number(/user_id=(\d+)/.exec(cookie)?.[1]);

/** Posts, and retries while the server is too busy with the other process. */
async function post(person: RemotePerson, chat: string, content: string): Promise<number> {
  const answer = await person.send('POST', chat, { content });
  if (answer.status === 503) return post(person, chat, content);
  if (answer.status !== 201) throw new Error(`not sent: ${await answer.text()}`);
  return Number(answer.headers.get('location')?.split('/').at(-1));
}

/** A stream that is live. */
async function listen(t: Test, person: RemotePerson): Promise<EventReader> {
  const reader = await openEvents(t, person);
  await reader.until(() => reader.lastId !== undefined);
  return reader;
}

const logIn = ({ url }: ServerProcess, name: string, given = password) =>
  new RemotePerson(url).send('POST', '/api/login', { name, password: given });

/** The changes by other processes in the audit log. */
function changesIn(server: ServerProcess) {
  return server
    .output()
    .split('\n')
    .filter((line) => line.includes('"external_change"'))
    .map((line) => JSON.parse(line));
}

/** How soon after the command a stream must end, in ms. */
const soon = 2_000;

async function endsSoon(t: Test, stream: EventReader, name: string): Promise<void> {
  const startedAt = performance.now();
  await stream.ended();
  const took = Math.round(performance.now() - startedAt);
  t.ok(took < soon, `${name}: the stream ended after ${took} ms`);
  t.equal(stream.events.at(-1)?.type, 'session.ended', name);
  t.equal(stream.isBroken, false, name);
}

/** Waits for the event that gives this state of a user. */
async function untilUserEvent(stream: EventReader, user: object): Promise<void> {
  const is = JSON.stringify(user);
  await stream.until(() => {
    const { type, data } = stream.events.at(-1) ?? {};
    return type === 'user' && JSON.stringify(data) === is;
  });
}

t.test('a command’s change to an account takes effect immediately, on streams too', async (t) => {
  const { server, alice, bob, carol, chat, snug } = await startTalk(t);
  const hers = await listen(t, alice);
  let his = await listen(t, bob);
  await snug('user', 'disable', 'bob');
  t.equal((await bob.get(chat)).status, 403, 'every request is refused');
  await endsSoon(t, his, 'disabled');
  await untilUserEvent(hers, { id: idOf(bob), name: 'bob', disabled: true });
  t.equal((await logIn(server, 'bob')).status, 403);

  await snug('user', 'enable', String(idOf(bob)));
  await untilUserEvent(hers, { id: idOf(bob), name: 'bob' });
  const back = await logIn(server, 'bob');
  t.equal(back.status, 200);
  bob.cookie = back.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
  his = await listen(t, bob);
  const reset = await snug('user', 'reset-password', 'BOB', '--generate');
  const [, chosen = ''] = /^Password: (\S{24})$/m.exec(reset) ?? [];
  t.equal((await bob.get(chat)).status, 403);
  await endsSoon(t, his, 'reset');
  t.equal((await logIn(server, 'bob')).status, 400, 'the old password');
  t.equal((await logIn(server, 'bob', chosen)).status, 200);

  t.equal((await carol.get('/api/users')).status, 403);
  t.equal(
    await snug('user', 'make-admin', 'carol'),
    `carol, id ${idOf(carol)}, is now an admin.\n`,
  );
  t.equal((await carol.get('/api/users')).status, 200);
  await snug('user', 'make-admin', 'carol', '--undo');
  t.equal((await carol.get('/api/users')).status, 403);

  const id = await post(alice, chat, 'still here');
  await hers.until(() => hers.events.at(-1)?.id === id);
  await server.wrote(/user\.made_plain/);
  const changes = changesIn(server).map(({ event, on }) => [event, on.user_id]);
  const ended = ['session.ended', idOf(bob)];
  t.strictSame(changes, [
    ...[['user', idOf(bob)], ended, ['user.disabled', idOf(bob)]],
    ...[
      ['user', idOf(bob)],
      ['user.enabled', idOf(bob)],
    ],
    ...[ended, ['user.password_reset', idOf(bob)]],
    ...[
      ['user.made_admin', idOf(carol)],
      ['user.made_plain', idOf(carol)],
    ],
  ]);
});

t.test('an account deleted by a command is gone for everybody', async (t) => {
  const { server, alice, bob, carol, chat, snug } = await startTalk(t);
  const id = await post(bob, chat, 'my last words');
  const invite = await bob.send('POST', `${chat}/invites`, {});
  const own = await bob.send('POST', '/api/chats', { title: 'diary' });
  const hers = await listen(t, alice);
  const his = await listen(t, bob);
  await snug('user', 'delete', 'bob', '--yes');
  t.equal((await bob.get(chat)).status, 403);
  await endsSoon(t, his, 'deleted');
  t.strictSame((await hers.next('member.left')).data, {
    chat_id: Number(chat.split('/').at(-1)),
    user_id: idOf(bob),
  });
  t.equal((await alice.get(String(own.headers.get('location')))).status, 404);
  t.equal(
    (await carol.get(String(invite.headers.get('location')))).status,
    404,
    'the invite is gone as well',
  );
  t.match(await (await alice.get(chat)).json(), { messages: [{ id, content: 'my last words' }] });
  t.equal((await alice.get('/api/user?name=bob')).status, 404);
  const again = await new RemotePerson(server.url).register('bob');
  t.not(idOf(again), idOf(bob));
});

/** Reads a chat's events on streams that are cut again and again, until `isOver`. */
async function followBroken(t: Test, person: RemotePerson, isOver: (ids: number[]) => boolean) {
  const ids: number[] = [];
  let lastEventId = '0';
  for (let cut = 1; ; cut++) {
    const reader = await openEvents(t, { ...person, lastEventId });
    const received = () =>
      reader.events.filter(({ type }) => type === 'message').map(({ id = 0 }) => id);
    await reader.until(
      () => received().length >= 7 + (cut % 30) || isOver([...ids, ...received()]),
    );
    reader.cut();
    ids.push(...received());
    lastEventId = String(reader.lastId);
    if (isOver(ids)) return ids;
  }
}

t.test('when two processes write at once, every stream gets all events in order', async (t) => {
  const { file, server, alice, bob, chat } = await startTalk(t);
  const count = 150;
  const steady = await listen(t, bob);
  const script = fileURLToPath(new URL('../helpers/external-writer.ts', import.meta.url));
  const args = [script, file, String(chat.split('/').at(-1)), String(idOf(alice)), String(count)];
  const other = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [first] = await once(other.stdout, 'data');
  const rest = text(other.stdout);
  let isDone = false;
  let expected: number[] = [];
  const broken = followBroken(t, bob, (ids) => isDone && ids.length >= expected.length);
  broken.catch(() => undefined);
  const here: number[] = [];
  for (let i = 0; i < count / 3; i++) {
    const batch = Array.from({ length: 3 }, (_, n) => post(alice, chat, `here ${i} ${n}`));
    here.push(...(await Promise.all(batch)));
  }
  const external = `${first}${await rest}`.trim().split('\n').map(Number);
  here.push(await post(alice, chat, 'the last one'));
  expected = [...here, ...external].sort((a, b) => a - b);
  isDone = true;
  t.equal(expected.length, 2 * count + 1);
  const mixed = here.filter((id, i) => id !== (here[i - 1] ?? id - 1) + 1).length;
  t.ok(mixed > 10, `their writes alternated ${mixed} times`);
  await steady.until(() => steady.events.at(-1)?.id === expected.at(-1));
  const ids = steady.events.filter(({ type }) => type === 'message').map(({ id }) => id);
  t.strictSame(ids, expected, 'on a stream that was open all the time');
  t.strictSame(await broken, expected, 'on streams that were cut again and again');
  t.notMatch(server.output(), /"level":[56]0/);
});

/** A row that has no event. */
const dora = {
  ...{ name: 'dora', nameKey: 'dora', email: 'dora@example.org', emailKey: 'dora@example.org' },
  ...{ passwordHash: '', role: 'user' as const, createdAt: 0 },
};

t.test('every external commit is published once, with or without events', async (t) => {
  const { db, file } = await startStore(t);
  const other = openForCli(file);
  t.teardown(() => other.close());
  const published: unknown[] = [];
  db.onCommit((events, origin) => published.push([origin, ...events.map(({ id }) => id)]));
  const note = (unit: Unit) => appendEvent(unit, { type: 'message' });
  const fail = () => Promise.reject(new Error('no'));
  await db.catchUp();
  t.strictSame(published.splice(0), [], 'nothing is new');
  await other.write(note, {});
  await other.write(note, {});
  await other.write(async () => undefined, {});
  await db.catchUp();
  await db.catchUp();
  t.strictSame(published.splice(0), [['external', 1, 2], ['local']]);
  await db.write(note, {});
  t.strictSame(published.splice(0), [['local', 3]]);
  await other.write(note, {});
  await t.rejects(db.write(fail, {}), /no/);
  await db.write(note, {});
  t.strictSame(
    published.splice(0),
    [['external', 4], ['local'], ['local', 5]],
    'external events come before local ones',
  );
  await other.write(insertUser, dora);
  await db.catchUp();
  t.strictSame(published.splice(0), [['external'], ['local']], 'a change without an event');
});
