import { once } from 'node:events';
import { connect } from 'node:net';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { clearOldEvents } from '../../src/event-log/retention.ts';
import { catchUp } from '../../src/events/catch-up.ts';
import { ResumeQueue } from '../../src/events/resume-queue.ts';
import { Admission } from '../../src/http/admission.ts';
import { readDescriptorLimit } from '../../src/http/descriptors.ts';
import { jitter } from '../../src/http/jitter.ts';
import { runMaintenance } from '../../src/jobs/maintenance.ts';
import { hurried, outside } from '../helpers/database.ts';
import { execute } from '../helpers/rows.ts';
import { dial, eventsOf, makeUsers } from '../helpers/sockets.ts';
import { addressOf, cookieOf, follow, openEvents } from '../helpers/sse.ts';
import { type Person, startCast, type World } from '../helpers/world.ts';

const day = 24 * 3_600_000;

/** The event log as stored. */
function readLog({ file }: World): Record<string, unknown>[] {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare('select * from events order by id').all() as never;
  } finally {
    database.close();
  }
}

/** Everything that a person receives after an event, on a stream of its own. */
async function receivedSince(t: Test, world: World, person: Person, since: number) {
  const url = await addressOf(world);
  const reader = await openEvents(t, { url, cookie: cookieOf(person), query: `?since=${since}` });
  const text = await reader.take(person);
  reader.cut();
  return text;
}

t.test('the event log holds references, never a text', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat } = cast;
  const id = await alice.send(chat, 'Zanzibar @bob');
  const url = `${chat}/messages/${id}`;
  await alice.put(url, { content: 'Zanzibar again' });
  await bob.put(`${url}/reactions/${encodeURIComponent('👍')}`);
  await alice.put(chat, { title: 'Zanzibar trip' });
  await bob.put('/api/user', { name: 'Zanzibarian' });
  await bob.put(`${chat}/read`, { id: String(id) });
  await bob.put(`${chat}/notify`, { notify: 'nothing' });
  await alice.delete(url);
  await bob.delete('/api/user');
  await alice.delete('/api/chats?chat_id=1');
  await alice.get('/api/logout');
  const log = readLog(cast);
  const columns = ['id', 'type', 'at', 'chat_id', 'user_id', 'message_id', 'session_id', 'emoji'];
  for (const { type, emoji, ...row } of log) {
    t.strictSame(Object.keys({ id: 0, type, ...row, emoji }), columns);
    t.equal(emoji, type === 'reaction' ? '👍' : null);
    t.ok(Object.values(row).every((value) => value === null || typeof value === 'number'));
  }
  t.strictSame(
    log.map(({ type }) => type),
    [
      ...['chat.created', 'member.joined', 'member.joined', 'message', 'mention', 'mention'],
      ...['message.edited', 'reaction', 'chat', 'user', 'read', 'notify'],
      ...['message.deleted', 'read', 'session.ended', 'user', 'member.left', 'member.left'],
      ...['chat.deleted', 'session.ended'],
    ],
  );
});

t.test('a user who was away does not receive a deleted text', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat } = cast;
  const id = await alice.send(chat, 'Zanzibar');
  const other = await alice.send(chat, 'Before');
  await alice.put(`${chat}/messages/${other}`, { content: 'After' });
  await alice.delete(`${chat}/messages/${id}`);
  const received = await receivedSince(t, cast, bob, 3);
  t.notMatch(received, /Zanzibar|Before/);
  t.match(received, `event: message.deleted\ndata: {"chat_id":1,"id":${id}}\n\n`);
});

t.test('a failed mutation leaves no event, and others of its batch leave theirs', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, carol, chat } = cast;
  const stream = await follow(t, cast, bob);
  const before = readLog(cast);
  const answers = await Promise.all([
    carol.post(chat, { content: 'no member' }),
    bob.delete(`${chat}/members?user_id=1`),
    alice.post(chat, { content: 'no such message', reply_to: '3' }),
    alice.send(chat, 'good').then((id) => ({ status: id })),
    bob.put(`${chat}/members/1`, { role: 'member' }),
    alice.post(`${chat}/members`, { name: 'bob' }),
    bob.put('/api/user', { name: 'alice' }),
    alice.put(`${chat}/messages/3`, { content: 'none' }),
  ]);
  const id = before.length + 1;
  t.strictSame(
    answers.map(({ status }) => status),
    [403, 403, 404, id, 403, 400, 400, 404],
  );
  const log = readLog(cast);
  t.strictSame(log.slice(0, -1), before);
  t.match(log.at(-1), { id, type: 'message' }, 'the ids have no gap either');
  t.match(await stream.take(bob), /^id: \d+\nevent: message\ndata: .*"good".*\n\n$/);
});

t.test('a resumed stream loses nothing and repeats nothing', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, carol, chat } = cast;
  const all = await follow(t, cast, bob);
  const ids: number[] = [];
  for (let i = 0; i < 20; i++) ids.push(await alice.send(chat, `m${i}`));
  await carol.createChat('Not bob’s');
  await bob.put(`${chat}/read`, { id: String(ids[5]) });
  const received = await all.take(bob);
  t.equal(await receivedSince(t, cast, bob, 3), received);
  for (const { id, text } of all.events.slice(0, 21)) {
    const rest = received.slice(received.indexOf(text) + text.length);
    t.equal(await receivedSince(t, cast, bob, id ?? 0), rest);
  }
  const where = { url: await addressOf(cast), cookie: cookieOf(bob) };
  const both = await openEvents(t, { ...where, query: '?since=3', lastEventId: String(ids[18]) });
  t.equal((await both.next('message')).id, ids[19], 'the header overrides the query');
  const header = await openEvents(t, { ...where, lastEventId: '3' });
  t.ok((await header.take(bob)).startsWith(received));
});

t.test('a user’s other device learns what was read by posting a deleted message', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat } = cast;
  const last = await alice.send(chat, 'Well?');
  const id = await bob.send(chat, 'Yes');
  await bob.delete(`${chat}/messages/${id}`);
  const received = await receivedSince(t, cast, bob, 3);
  t.notMatch(received, 'Yes');
  const read = `{"chat_id":1,"id":${id},"unread":0,"mentions":0,"notify":"all","last_id":${last}}`;
  t.ok(received.endsWith(`id: 7\nevent: read\ndata: ${read}\n\n`));
});

t.test('events from before a user joined a chat are not sent again', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, carol, chat } = cast;
  await alice.send(chat, 'early');
  await alice.post(`${chat}/members`, { name: 'carol' });
  await alice.send(chat, 'while in');
  await alice.delete(`${chat}/members?user_id=${carol.id}`);
  await alice.send(chat, 'while out');
  const left = await receivedSince(t, cast, carol, 0);
  t.match(left, /^id: 7\nevent: member.left\ndata: {"chat_id":1,"user_id":3}\n\n$/);
  await alice.post(`${chat}/members`, { name: 'carol' });
  await alice.send(chat, 'back');
  const received = await receivedSince(t, cast, carol, 0);
  t.match(received, /member.left.*member.joined.*back/s);
  t.notMatch(received, /early|while/);
  t.match(await receivedSince(t, cast, bob, 0), /early.*while in.*while out.*back/s);
});

t.test('an invalid event id is refused', async (t) => {
  const { alice } = await startCast(t);
  const wrong = [
    '1\r\nid: 2',
    '1\n',
    '\0',
    '-1',
    '01',
    '1.0',
    '1e3',
    ' 1',
    '+1',
    'x',
    '9'.repeat(16),
    '１',
    '0x1',
    '1,2',
  ];
  for (const since of wrong) {
    const answer = await alice.get(`/api/events?since=${encodeURIComponent(since)}`);
    t.equal(answer.status, 400, `since=${since}`);
    t.equal(
      answer.text,
      '{"error":"Last-Event-ID and since must be the id of an event, in plain digits."}',
    );
  }
  t.equal((await alice.get('/api/events?since=1&since=2')).status, 400);
  // An empty one does not count, so the other one does.
  for (const [url, header] of [
    ['/api/events?since=', 'x'],
    ['/api/events?since=x', ''],
  ] as const) {
    t.equal((await alice.get(url, { 'last-event-id': header })).status, 400);
  }
  for (const header of ['-1', '01', 'x', '1, 2', '1;1']) {
    const answer = await alice.get('/api/events?since=3', { 'last-event-id': header });
    t.equal(answer.status, 400, header);
  }
});

t.test('with an empty id only new events are sent', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat } = cast;
  await alice.send(chat, 'early');
  const readers = await Promise.all([
    follow(t, cast, bob, { query: '?since=' }),
    follow(t, cast, bob, { lastEventId: '' }),
    follow(t, cast, bob, { query: '?since=', lastEventId: '0' }),
  ]);
  await alice.send(chat, 'late');
  const texts = await Promise.all(readers.map((reader) => reader.take(bob)));
  t.strictSame(
    texts.map((text) => [text.includes('early'), text.includes('late')]),
    [
      [false, true],
      [false, true],
      [true, true],
    ],
  );
});

t.test('a cursor unknown to the event log gets one reset, and then new events', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat, db } = cast;
  const where = { url: await addressOf(cast), cookie: cookieOf(bob) };
  const future = await openEvents(t, { ...where, lastEventId: '4' });
  const far = await openEvents(t, { ...where, query: `?since=${'9'.repeat(15)}` });
  const valid = await openEvents(t, { ...where, query: '?since=3' });
  for (const stream of [future, far, valid]) await stream.until(() => stream.lastId === 3);
  const id = await alice.send(chat, 'Hi');
  for (const stream of [future, far]) {
    await stream.next('message');
    t.equal(stream.events[0]?.text, 'id: 3\nevent: reset\ndata: {}\n\n');
    t.strictSame(
      stream.events.map((event) => [event.type, event.id]),
      [
        ['reset', 3],
        ['message', id],
      ],
    );
  }
  t.equal((await valid.next('message')).id, id);
  t.notMatch(valid.text, /reset/);

  for (let i = 0; i < 30; i++) await alice.send(chat, `m${i}`);
  t.equal(await db.write(clearOldEvents, { maxCount: 10 }), false);
  const remaining = readLog(cast).map((event) => Number(event.id));
  t.strictSame(remaining, [25, 26, 27, 28, 29, 30, 31, 32, 33, 34]);
  const reset = 'id: 34\nevent: reset\ndata: {}\n\n';
  t.equal(await receivedSince(t, cast, bob, 23), reset, 'the event after it is gone');
  t.equal((await receivedSince(t, cast, bob, 24)).match(/^event: message$/gm)?.length, 10);
  t.match(await receivedSince(t, cast, bob, 0), /reset/);
  await valid.take(bob);
  t.notMatch(valid.text, /reset/, 'an open stream is not affected');
});

t.test('the event log is cleared by age and count in portions, except its newest', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat, clock, db } = cast;
  const ids = () => readLog(cast).map(({ id }) => id);
  for (let i = 0; i < 20; i++) await alice.send(chat, `m${i}`);
  clock.now += 14 * day;
  await runMaintenance(db);
  t.equal(ids().length, 23, 'not a moment earlier');
  await alice.send(chat, 'young');
  clock.now += 1;
  await runMaintenance(db);
  t.strictSame(ids(), [24]);
  clock.now += 15 * day;
  await runMaintenance(db);
  t.strictSame(ids(), [24], 'the newest stays, because the ids continue from it');
  t.equal(await alice.send(chat, 'on'), 25);
  t.equal((await receivedSince(t, cast, bob, 24)).includes('"on"'), true);

  for (let i = 0; i < 20; i++) await alice.send(chat, `m${i}`);
  const limits = { maxCount: 3, step: 8 };
  const left: number[] = [];
  do left.push(ids().length);
  while (await db.write(hurried(clearOldEvents), limits));
  t.strictSame(left, [24, 16, 8]);
  t.equal(ids().length, 3);
  const page = (await bob.get(chat)).body.messages;
  t.equal(page.length, 42, 'the messages themselves stay');
});

t.test('clearing the event log during a catch-up sends a reset', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat, db } = cast;
  for (let batch = 0; batch < 30; batch++) {
    await Promise.all(Array.from({ length: 20 }, () => alice.send(chat, '\u{1f600}'.repeat(4000))));
  }
  const where = { url: await addressOf(cast), cookie: cookieOf(bob), query: '?since=3' };
  const reader = await openEvents(t, where);
  reader.pause();
  await db.write(clearOldEvents, { maxCount: 1, step: 10_000 });
  const last = await alice.send(chat, 'last');
  reader.resume();
  await reader.until(() => reader.events.at(-1)?.id === last);
  const types = reader.events.map(({ type }) => type);
  t.equal(types.filter((type) => type === 'reset').length, 1);
  t.strictSame(types.slice(-2), ['reset', 'message']);
  const ids = reader.events.map(({ id }) => Number(id));
  t.strictSame(
    ids,
    ids.toSorted((a, b) => a - b),
  );
});

t.test('a user who missed too much gets a reset, and events of others do not count', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat, file } = cast;
  const append = outside(t, file).prepare(
    `with recursive n (i) as (select 1 union all select i + 1 from n where i < ?)
     insert into events (type, at, chat_id, message_id) select 'message.deleted', 0, ?, i from n`,
  );
  const elsewhere = 999;
  append.run(9_000, elsewhere);
  const id = await alice.send(chat, 'Hi');
  const text = await receivedSince(t, cast, bob, 3);
  t.equal(text.match(/^event: /gm)?.length, 1, 'of 9,000 events one concerns bob');
  t.match(text, `id: ${id}\nevent: message\n`);
  append.run(2_000, elsewhere);
  await cast.db.catchUp();
  t.equal((await receivedSince(t, cast, bob, id)).match(/^event: /gm), null);
  append.run(10_000, elsewhere);
  await cast.db.catchUp();
  t.match(await receivedSince(t, cast, bob, 3), /^id: \d+\nevent: reset\n/, 'too long ago');
  const newest = readLog(cast).length;
  append.run(1_000, 1);
  await cast.db.catchUp();
  const all = await receivedSince(t, cast, bob, newest);
  t.equal(all.match(/^event: message.deleted$/gm)?.length, 1_000);
  append.run(1, 1);
  await cast.db.catchUp();
  t.match(
    await receivedSince(t, cast, bob, newest),
    /event: reset/,
    'too many events of their own',
  );
});

t.test(
  'a catch-up under way passes over what came before a joining, and nothing else',
  async (t) => {
    const { alice, carol, chat, db, file } = await startCast(t);
    const append = outside(t, file).prepare(
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < ?)
     insert into events (type, at, chat_id, message_id) select 'message.deleted', 0, 1, i from n`,
    );
    append.run(1_500);
    await alice.post(`${chat}/members`, { name: 'carol' });
    append.run(1_200);
    const sessionId = (await carol.get('/api/session')).body.session.id;
    let [since, text, isLast] = [3, '', false];
    while (!isLast) {
      const reader = { userId: carol.id, sessionId, since, isUnderWay: true };
      const chunk = await db.read(catchUp, reader);
      [since, text, isLast] = [chunk?.upTo ?? 0, text + chunk?.text, chunk?.isLast ?? true];
    }
    const types = Array.from(text.matchAll(/^event: (.*)$/gm), ([, type]) => type);
    t.strictSame(types, ['member.joined', ...Array(1_200).fill('message.deleted')]);
  },
);

t.test('only a few streams resume at once, and users take turns', async (t) => {
  const queue = new ResumeQueue(2);
  const order: string[] = [];
  let running = 0;
  let most = 0;
  const run = (userId: number, name: string) =>
    queue.run(userId, async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      order.push(name);
      running -= 1;
      if (name === 'a3') throw new Error('gone');
    });
  const all = ['a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'b2', 'c1'].map((name) =>
    run(name.charCodeAt(0), name),
  );
  const outcomes = await Promise.allSettled(all);
  t.equal(most, 2);
  t.strictSame(order, ['a1', 'a2', 'a3', 'b1', 'c1', 'a4', 'b2', 'a5']);
  t.equal(outcomes.filter(({ status }) => status === 'rejected').length, 1);
  await run(1, 'd1');
  t.equal(order.at(-1), 'd1', 'a failure occupies no place for good');
});

/** How many connections this process may have, with both ends in it. */
const streamCount = Math.min(5_000, Math.floor((readDescriptorLimit() - 200) / 2));

t.test('5,000 streams that reconnect at once leave room for others', async (t) => {
  if (streamCount < 5_000) t.comment(`only ${streamCount}: the system allows no more descriptors`);
  const cast = await startCast(t);
  const { alice, app, file } = cast;
  const cookies = makeUsers(t, file, 300);
  execute(
    file,
    `with recursive n (i) as (select 1 union all select i + 1 from n where i < 20000)
     insert into events (type, at, chat_id, message_id) select 'message.deleted', 0, 999, i from n`,
  );
  let [starts, most] = [0, 0];
  app.addHook('onRequest', async ({ url }) => {
    if (url === '/api/events') starts += 1;
  });
  const url = await addressOf(cast);
  const port = Number(new URL(url).port);
  const counts = { reset: 0, refused: 0 };
  let lost = 0;
  const comeBack = (cookie: string) => {
    const socket = connect(port, '127.0.0.1')
      .setEncoding('latin1')
      .on('error', () => undefined);
    t.teardown(() => socket.destroy());
    socket.write(eventsOf(cookie).replace('\r\n', '\r\nLast-Event-ID: 3\r\n'));
    let text = '';
    const note = (outcome: keyof typeof counts) => {
      counts[outcome] += 1;
      socket.off('data', read).off('close', lose).resume();
    };
    const read = (data: string) => {
      text += data;
      if (text.includes('event: reset')) note('reset');
      else if (/^HTTP.1.1 [345]/.test(text)) note('refused');
    };
    // On a busy machine a request may arrive too late for its connection; readers try again.
    const lose = () => {
      lost += 1;
      comeBack(cookie);
    };
    socket.on('data', read).on('close', lose);
  };
  const other = await dial(t, { url });
  const isOver = () => counts.reset + counts.refused === streamCount;
  for (let i = 0; i < streamCount; i++) comeBack(cookies[i % cookies.length] ?? '');
  let answered = 0;
  while (!isOver()) {
    const before = starts;
    other.socket.write(
      `GET /api/session HTTP/1.1\r\nHost: x\r\nCookie: ${cookieOf(alice)}\r\n\r\n`,
    );
    await once(other.socket, 'data');
    most = Math.max(most, starts - before);
    answered += 1;
  }
  t.strictSame(counts, { reset: streamCount, refused: 0 });
  t.ok(lost < streamCount / 10, `${lost} had to try again`);
  t.ok(starts >= streamCount);
  t.comment(`${answered} others are answered, with at most ${most} starts between two`);
  t.ok(most <= 20);
});

t.test('streams are admitted one by one, in order, with time for others in between', async (t) => {
  const clock = { now: 0 };
  const timers: { at: number; act: () => void }[] = [];
  const after = (time: number, act: () => void) => void timers.push({ at: clock.now + time, act });
  const admission = new Admission({ now: () => clock.now, after });
  /** Lets time pass; a timer of the event loop may be late. */
  const pass = (time: number) => {
    clock.now += time;
    for (const { act } of timers.splice(0)) act();
  };
  const order: string[] = [];
  const take = (name: string) => admission.take(() => void order.push(name));
  for (const name of 'abcdefghijklmn') take(name);
  t.equal(order.join(''), 'a', 'the first one immediately');
  pass(3.5);
  t.equal(order.join(''), 'ab');
  pass(3.5);
  take('o');
  t.equal(order.join(''), 'abc');
  pass(7);
  t.equal(order.join(''), 'abcde', 'a late timer makes up for it');
  pass(1_000);
  t.equal(order.join(''), 'abcdefghi', 'but never with more than four at once');
  while (timers.length > 0) pass(3.5);
  t.equal(order.join(''), 'abcdefghijklmno');
  take('p');
  t.equal(order.at(-1), 'o', 'the last one was just now');
  pass(3.5);
  t.equal(order.at(-1), 'p');
  pass(3.5);
  take('q');
  t.equal(order.at(-1), 'q', 'then immediately again');
});

t.test('clients of closed streams reconnect at different times', (t) => {
  const waits = Array.from({ length: 200 }, () => jitter(2_000));
  t.ok(waits.every((wait) => wait >= 1_000 && wait <= 3_000));
  t.ok(new Set(waits).size > 100);
  t.end();
});
