import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { eraseAccount } from '../../src/accounts/accounts.ts';
import { countMiscounted, countOrphans, countUnsearchable } from '../../src/db/admin/check.ts';
import type { Store } from '../../src/db/store.ts';
import { Pace } from '../../src/db/writer/pace.ts';
import { clearDeleted } from '../../src/jobs/clear-deleted.ts';
import { clearAllDeleted, startDeletions } from '../../src/jobs/deletions.ts';
import { runMaintenance } from '../../src/jobs/maintenance.ts';
import { inPortions } from '../../src/jobs/portions.ts';
import { extendAll } from '../../src/jobs/search-vocabulary.ts';
import { leaveChat } from '../../src/members/members.ts';
import { deleteMessage, postMessage } from '../../src/messages/messages.ts';
import { done, refused } from '../helpers/answers.ts';
import { hurried, outside } from '../helpers/database.ts';
import { damage, execute, query } from '../helpers/rows.ts';
import { RemotePerson, startServer } from '../helpers/server.ts';
import { follow } from '../helpers/sse.ts';
import { type Person, startCast, tempFolder } from '../helpers/world.ts';

const noChat = 'There is no such chat.';

const idOf = (chat: string) => Number(chat.split('/').at(-1));

/** Posts many messages at once. */
async function fill(db: Store, { id: userId }: Person, chat: string, texts: string[]) {
  const posts = texts.map((content) =>
    db.write(postMessage, { chatId: idOf(chat), userId, content }),
  );
  return (await Promise.all(posts)).map(({ id }) => id);
}

const countRows = (file: string, table: string) =>
  Number(query(file, `select count(*) as n from ${table}`)[0]?.n);

/** How many segments of the search index FTS5 merges automatically; 0 if none. */
const merging = (file: string) =>
  query(file, "select v from search_config where k = 'automerge'")[0]?.v;

/** Asserts that rows of a pending deletion do not count as damage. */
async function sound(t: Test, db: Store, file: string, when: string) {
  t.strictSame(damage(file), [], when);
  for (const count of [countOrphans, countMiscounted, countUnsearchable]) {
    t.equal(await db.read(count, {}), 0, `${count.name} ${when}`);
  }
}

t.test('a large chat disappears at once, and its rows are deleted in portions', async (t) => {
  const cast = await startCast(t);
  const { db, file, alice, bob, carol } = cast;
  const chat = String(
    (await alice.post('/api/chats', { title: 'Cellar', open: '1' })).headers.location,
  );
  const invite = String((await alice.post(`${chat}/invites`)).headers.location);
  const text = 'Nobody shall ever read this sentence again';
  const ids = await fill(
    db,
    alice,
    chat,
    Array.from({ length: 100 }, (_, i) => `${text} ${i}`),
  );
  const first = `${chat}/messages/${ids[0]}`;
  done(t, await alice.put(`${first}/reactions/${encodeURIComponent('👍')}`));
  done(t, await carol.post(`${chat}/members`, { name: 'carol' }), 201);
  done(t, await alice.delete(`${chat}/members?user_id=${carol.id}`));
  const headers = { 'idempotency-key': 'once' };
  const post = { method: 'POST', url: chat, headers, payload: { content: 'again' } } as const;
  done(t, await alice.request(post), 201);
  await extendAll(db);
  t.ok(countRows(file, 'search_vocabulary') > 100);
  const stream = await follow(t, cast, alice);

  await db.write(hurried(leaveChat), { chatId: idOf(chat), userId: alice.id });
  t.match((await stream.next('chat.deleted')).data, { chat_id: idOf(chat) });
  t.equal(countRows(file, 'messages'), 81, 'one step is done');
  t.equal(merging(file), 0, 'the index is merged in portions too');
  for (const person of [alice, bob, carol]) {
    for (const url of [chat, first, `${chat}/members`, `/api/search?q=x&chat_id=${idOf(chat)}`]) {
      refused(t, await person.get(url), 404, noChat, `${person.name} ${url}`);
    }
    t.strictSame((await person.get('/api/search?q=sentence')).body.hits, []);
    t.strictSame((await person.get('/api/directory')).body.chats, []);
    t.notMatch((await person.get('/api/chats')).text, /Cellar|sentence/);
    t.equal((await person.get(invite)).status, 404);
    refused(t, await person.post(`${chat}/members`, { name: person.name }), 404, noChat);
    refused(t, await person.put(`${chat}/read`, { id: String(ids[5]) }), 404, noChat);
  }
  refused(t, await alice.request(post), 404, noChat, 'not even a repeated post');
  t.equal(query(file, 'select title from chats where id = ?', idOf(chat))[0]?.title, '');
  await sound(t, db, file, 'meanwhile');

  for (let left = 81; left > 0; left -= 20) {
    t.ok(await db.write(hurried(clearDeleted), {}));
    t.equal(countRows(file, 'messages'), Math.max(0, left - 20), 'at most 20 in a step');
  }
  t.equal(merging(file), 0, 'until all of it is');
  await clearAllDeleted(db);
  t.equal(merging(file), 4, 'and then automatically again');
  for (const table of [
    'messages',
    'reactions',
    'reaction_counts',
    'removals',
    'pending_deletions',
  ]) {
    t.equal(countRows(file, table), 0, table);
  }
  t.equal(countRows(file, 'search_docsize'), 0);
  t.equal(countRows(file, 'search_vocabulary'), 0);
  t.strictSame(query(file, 'select * from chats where id = ?', idOf(chat)), []);
  await sound(t, db, file, 'after it');
  await runMaintenance(db);
  const bytes = [file, `${file}-wal`].map((name) => readFileSync(name, 'utf8')).join();
  t.notOk(bytes.includes(text), 'no byte of it is left');
  t.notOk(await db.write(clearDeleted, {}), 'no more work is left');
});

t.test('a direct chat can be opened again while the old one is being deleted', async (t) => {
  const { db, alice, bob } = await startCast(t);
  const open = async () => {
    const { headers } = await alice.post('/api/chats', { with: 'bob' });
    return String(headers.location);
  };
  const old = await open();
  await fill(db, alice, old, Array(50).fill('Hello'));
  for (const { id } of [alice, bob]) {
    await db.write(hurried(leaveChat), { chatId: idOf(old), userId: id });
  }
  const chat = await open();
  t.not(chat, old);
  await alice.send(chat, 'Hello again');
  await clearAllDeleted(db);
  t.match((await bob.get(chat)).body.messages, [{ content: 'Hello again' }]);
  refused(t, await bob.get(old), 404, noChat);
});

t.test('a deleted account disappears at once, and leaves its chats in portions', async (t) => {
  const cast = await startCast(t);
  const { db, file, alice, bob, carol, chat } = cast;
  const { id: carolId } = carol;
  const chats: string[] = [];
  for (let i = 0; i < 25; i++) chats.push(await carol.createChat(`Number ${i}`));
  const [own = '', shared = ''] = chats.slice(-2);
  for (const name of ['alice', 'bob']) {
    done(t, await carol.post(`${shared}/members`, { name }), 201);
  }
  await carol.send(own, 'Nobody else is here');
  await carol.send(shared, 'This stays');
  const invite = String((await carol.post(`${shared}/invites`)).headers.location);
  done(t, await alice.post(`${chat}/members`, { name: 'carol' }), 201);
  done(t, await alice.delete(`${chat}/members?user_id=${carolId}`));
  const stream = await follow(t, cast, bob);

  await db.write(hurried(eraseAccount), { id: carolId, nameHold: 0 });
  t.equal(countRows(file, `memberships where user_id = ${carolId}`), 24, 'one step is done');
  t.equal((await carol.get('/api/session')).status, 403);
  const members = async () => (await bob.get(`${shared}/members`)).body.members;
  t.match(await members(), [{ name: 'alice' }, { name: 'bob' }]);
  t.equal((await bob.get(`/api/user/${carolId}`)).status, 404);
  t.equal((await bob.get(invite)).status, 404);
  const late = { chatId: idOf(shared), userId: carolId };
  await t.rejects(db.write(postMessage, { ...late, content: 'Still here' }), {
    code: 'not_member',
  });
  await t.rejects(db.write(leaveChat, late), { code: 'not_member' });
  const newcomer = await bob.register('carol');
  t.not(newcomer.id, carolId, 'the name is free');
  refused(t, await newcomer.get(shared), 403);
  await sound(t, db, file, 'meanwhile');
  // Neither of the two who are left is an owner yet: the leaving one must not hand over to carol.
  done(t, await alice.delete(`/api/chats?chat_id=${idOf(shared)}`));

  await clearAllDeleted(db);
  t.match((await stream.next('member.left')).data, { user_id: alice.id });
  t.match((await stream.next('member.left')).data, { user_id: carolId });
  t.match(await members(), [{ name: 'bob', role: 'owner' }]);
  t.match((await bob.get(shared)).body.messages, [{ content: 'This stays', sender_id: carolId }]);
  t.equal(countRows(file, `memberships where user_id = ${carolId}`), 0);
  t.equal(countRows(file, `removals where user_id = ${carolId}`), 0);
  t.equal(countRows(file, 'pending_deletions'), 0);
  t.strictSame(query(file, 'select * from chats where id = ?', idOf(own)), [], 'no member left');
  t.equal(countRows(file, 'messages'), 1);
  await sound(t, db, file, 'after it');
});

t.test('a chat that others leave during an account’s deletion is deleted with it', async (t) => {
  const { db, file, alice, bob, carol } = await startCast(t);
  for (let i = 0; i < 10; i++) await carol.createChat(`Number ${i}`);
  const shared = await carol.createChat('Shared');
  done(t, await carol.post(`${shared}/members`, { name: 'bob' }), 201);
  const { id } = carol;
  await db.write(hurried(eraseAccount), { id, nameHold: 0 });
  done(t, await bob.delete(`/api/chats?chat_id=${idOf(shared)}`));
  refused(t, await alice.get(shared), 404, noChat);
  await sound(t, db, file, 'meanwhile');
  await clearAllDeleted(db);
  t.equal(countRows(file, `memberships where user_id = ${id}`), 0);
  t.equal(countRows(file, 'pending_deletions'), 0);
  t.strictSame(query(file, 'select title from chats'), [{ title: 'Sunday hike' }]);
  await sound(t, db, file, 'after it');
});

t.test('the reactions to a deleted message are deleted in portions', async (t) => {
  const { db, file, alice, chat } = await startCast(t);
  const chatId = idOf(chat);
  const id = await alice.send(chat, 'Everybody reacts to this.');
  execute(
    file,
    `with recursive ids(id) as (select 1001 union all select id + 1 from ids where id < 1250)
    insert into reactions select ?, ?, '👍', id from ids`,
    chatId,
    id,
  );
  execute(file, "insert into reaction_counts values (?, ?, '👍', 250)", chatId, id);
  await db.write(hurried(deleteMessage), { chatId, userId: alice.id, id, ownOnly: true });
  t.equal(countRows(file, 'reactions'), 150);
  t.equal((await alice.get(`${chat}/messages/${id}`)).status, 404);
  await sound(t, db, file, 'meanwhile');
  await clearAllDeleted(db);
  t.equal(countRows(file, 'reactions'), 0);
  t.equal(countRows(file, 'pending_deletions'), 0);
});

t.test('others can write during a large deletion, and kill -9 only interrupts it', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const server = await startServer(t, file);
  const alice = await new RemotePerson(server.url).register('alice');
  const bob = await new RemotePerson(server.url).register('bob');
  const make = async (person: RemotePerson, title: string) => {
    const { headers } = await person.send('POST', '/api/chats', { title });
    return String(headers.get('location'));
  };
  const [cellar, talk] = [await make(alice, 'Cellar'), await make(bob, 'Talk')];
  const text = 'Nobody shall ever read this sentence again';
  const count = 60_000;
  const writer = outside(t, file);
  writer.pragma('secure_delete = ON');
  writer.pragma('busy_timeout = 5000');
  writer
    .prepare(
      `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
      insert into messages (chat_id, id, sender_id, content, created_at)
      select ?, 1000000 + i, 1, ? || i, 0 from n`,
    )
    .run(idOf(cellar), text);
  writer.close();
  const left = () => countRows(file, `messages where chat_id = ${idOf(cellar)}`);
  const waits: number[] = [];
  const post = async () => {
    const startedAt = performance.now();
    t.equal((await bob.send('POST', talk, { content: 'Meanwhile' })).status, 201);
    waits.push(performance.now() - startedAt);
  };

  const { status } = await alice.send('DELETE', `/api/chats?chat_id=${idOf(cellar)}`, {});
  t.equal(status, 200);
  t.ok(left() > count / 2, 'the answer comes before the work is done');
  t.equal((await alice.get(cellar)).status, 404);
  for (let i = 0; i < 10; i++) await post();
  t.ok(left() > 0, 'and so do other answers');
  t.ok(Math.max(...waits) < 1_000, `at most ${Math.max(...waits)} ms`);
  await server.end('SIGKILL');
  const interrupted = left();
  t.ok(interrupted > 0);
  t.strictSame(damage(file), []);

  const again = await startServer(t, file);
  while (countRows(file, 'pending_deletions') > 0) await sleep(50);
  t.equal(left(), 0);
  t.strictSame(query(file, 'select title from chats'), [{ title: 'Talk' }]);
  t.equal(await again.end('SIGTERM'), 0);
  t.strictSame(damage(file), []);
  t.notOk(readFileSync(file).includes(text), 'no byte of it is left');
});

t.test(
  'pending deletions continue at the start and after each commit, until the stop',
  async (t) => {
    const { db, file, alice } = await startCast(t);
    const leave = async () => {
      const chat = await alice.createChat('Cellar');
      await fill(db, alice, chat, Array(50).fill('Hello'));
      await db.write(hurried(leaveChat), { chatId: idOf(chat), userId: alice.id });
    };
    const left = () => countRows(file, 'pending_deletions');
    const cleared = async () => {
      for (let tries = 0; left() > 0 && tries < 2_000; tries++) await sleep(5);
      t.equal(left(), 0);
    };
    await leave();
    t.equal(left(), 1);
    const stop = startDeletions(db, pino({ level: 'silent' }));
    await cleared();
    await leave();
    await cleared();
    await stop();
    await leave();
    await sleep(50);
    t.equal(left(), 1);
  },
);

t.test('after each portion there is an equally long pause, which a signal ends', async (t) => {
  const taken: number[] = [];
  const pauses: number[] = [];
  let ended = performance.now();
  await inPortions(async () => {
    const startedAt = performance.now();
    if (taken.length > 0) pauses.push(startedAt - ended);
    while (performance.now() - startedAt < 20);
    ended = performance.now();
    taken.push(ended - startedAt);
    return taken.length < 4;
  });
  t.equal(pauses.length, 3);
  // A timer may fire one millisecond early.
  for (const [index, pause] of pauses.entries()) t.ok(pause >= Number(taken[index]) - 1);
  const stopping = new AbortController();
  let portions = 0;
  const portion = async () => {
    portions += 1;
    stopping.abort();
    return true;
  };
  await inPortions(portion, stopping.signal);
  t.equal(portions, 1);
});

t.test('long work gets less time where commits are slow', async (t) => {
  let now = 0;
  const pace = new Pace(() => now);
  /** The time in ms for the statements of one batch, after a commit of this length in ms. */
  const batch = (commit: number) => {
    pace.begin();
    const startedAt = now;
    while (pace.hasTime()) now += 1;
    const taken = now - startedAt;
    now += commit;
    pace.end();
    return taken;
  };
  const fast = Array.from({ length: 20 }, () => batch(1));
  t.equal(Math.max(...fast), 20);
  const slow = Array.from({ length: 20 }, () => batch(100));
  t.equal(slow.at(-1), 2);
  t.ok(batch(1) < 5, 'it grows again slowly');
  t.equal(Array.from({ length: 60 }, () => batch(1)).at(-1), 20);
  for (let i = 0; i < 10; i++) {
    pace.begin();
    now += 1_000;
    pace.end();
  }
  t.equal(batch(1), 20, 'batches without long work do not count');
});
