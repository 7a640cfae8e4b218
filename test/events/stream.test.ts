import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { deleteAccount, setDisabledByOperator } from '../../src/accounts/operator.ts';
import { findNewestEvent } from '../../src/event-log/queries.ts';
import { catchUp } from '../../src/events/catch-up.ts';
import { query } from '../helpers/rows.ts';
import { beat, type EventReader, follow } from '../helpers/sse.ts';
import { startCast } from '../helpers/world.ts';

const time = '2026-11-22T08:35:52.123Z';

function frame(id: number, type: string, data: string): string {
  return `id: ${id}\nevent: ${type}\ndata: ${data}\n\n`;
}

/** The cast with their streams open; bob's other device has one too. */
async function startStreams(t: Test) {
  const cast = await startCast(t);
  const { alice, bob, carol } = cast;
  const device = await bob.otherDevice();
  const streams = {
    alice: await follow(t, cast, alice),
    bob: await follow(t, cast, bob),
    device: await follow(t, cast, device),
    carol: await follow(t, cast, carol),
  };
  const nobodyElse = async (t: Test, ...receivers: (keyof typeof streams)[]) => {
    for (const [name, person] of Object.entries({ alice, bob, device, carol })) {
      if (receivers.includes(name as keyof typeof streams)) continue;
      t.equal(
        await streams[name as keyof typeof streams].take(person),
        '',
        `${name} receives nothing`,
      );
    }
  };
  return { ...cast, device, streams, nobodyElse };
}

const emoji = (name: string) => encodeURIComponent(name);

t.test('a stream starts with its headers, a retry time and its position', async (t) => {
  const cast = await startCast(t);
  const stream = await follow(t, cast, cast.alice);
  t.equal(stream.status, 200);
  t.equal(stream.headers['content-type'], 'text/event-stream; charset=utf-8');
  t.equal(stream.headers['cache-control'], 'no-store, no-transform');
  t.equal(stream.headers['content-encoding'], 'identity');
  t.equal(stream.headers['x-accel-buffering'], 'no');
  t.match(stream.build, /^\w{12}$/);
  const hello = `event: hello\ndata: {"build":"${stream.build}"}\n\n`;
  t.equal(stream.text.replace(/^retry: [1-3]\d{3}\n/, ''), `${hello}id: 3\n\n${beat}`);
  const page = await cast.nobody().get('/');
  t.match(page.text, `data-build="${stream.build}"`, 'the build of the client that is served');
  t.equal((await cast.nobody().get('/api/events')).status, 403);
});

t.test('messages are sent to the members, byte for byte', async (t) => {
  const { alice, bob, carol, chat, clock, streams, nobodyElse } = await startStreams(t);
  const id = await alice.send(chat, 'Hi @bob');
  const expected = frame(
    id,
    'message',
    `{"chat_id":1,"message":{"content":"Hi @bob","id":${id},"sender_id":1,"time":"${time}"}}`,
  );
  t.equal(await streams.alice.take(alice), expected, 'to the sender too');
  t.equal(await streams.bob.take(bob), expected);
  t.equal(await streams.carol.take(carol), '', 'not to a stranger');

  const url = `${chat}/messages/${id}`;
  clock.now += 1000;
  await alice.put(url, { content: 'Hello' });
  await bob.put(`${url}/reactions/${emoji('👍')}`);
  await bob.delete(`${url}/reactions/${emoji('👍')}`);
  const edited = `"content":"Hello","id":${id},"sender_id":1,"time":"${time}","edited":"2026-11-22T08:35:53.123Z"`;
  // Each of the three has made a chat meanwhile, and bob is no longer mentioned.
  const first = id + 9;
  t.equal(
    await streams.alice.take(alice),
    frame(first, 'message.edited', `{"chat_id":1,"message":{${edited}}}`) +
      frame(
        first + 1,
        'reaction',
        `{"chat_id":1,"id":${id},"emoji":"👍","user_id":2,"added":true,"count":1}`,
      ) +
      frame(
        first + 2,
        'reaction',
        `{"chat_id":1,"id":${id},"emoji":"👍","user_id":2,"added":false,"count":0}`,
      ),
  );
  await bob.put(`${url}/reactions/${emoji('🎉')}`);
  await alice.post(chat, { content: 'Me too', reply_to: String(id) });
  await streams.bob.next('reaction');
  await streams.bob.next('reaction');
  await streams.bob.next('reaction');
  const reply = await streams.bob.next('message');
  t.equal(
    reply.text,
    frame(
      reply.id ?? 0,
      'message',
      `{"chat_id":1,"message":{"content":"Me too","id":${reply.id},"sender_id":1,"time":"2026-11-22T08:35:53.123Z","reply_to":${id}}}`,
    ),
  );
  await alice.delete(url);
  const deleted = await streams.bob.next('message.deleted');
  t.equal(deleted.text, frame(deleted.id ?? 0, 'message.deleted', `{"chat_id":1,"id":${id}}`));
  t.equal(await streams.bob.take(bob), '', 'the read mark is sent only to its user');
  const read = await streams.alice.next('read');
  t.equal(
    read.text,
    frame(
      (deleted.id ?? 0) + 1,
      'read',
      `{"chat_id":1,"id":${reply.id},"unread":0,"mentions":0,"notify":"all","last_id":${reply.id}}`,
    ),
  );
  await nobodyElse(t, 'device');
});

t.test('read marks and settings are sent only to the user’s own devices', async (t) => {
  const { alice, bob, device, chat, streams, nobodyElse } = await startStreams(t);
  const id = await alice.send(chat, 'Hi @bob');
  const last = await alice.send(chat, 'Well?');
  await streams.alice.next('message');
  await streams.alice.next('message');
  for (const stream of [streams.bob, streams.device]) {
    await stream.next('message');
    await stream.next('message');
  }
  await bob.put(`${chat}/read`, { id: String(id) });
  await bob.put(`${chat}/notify`, { notify: 'mentions' });
  const reading = (notify: string) =>
    `{"chat_id":1,"id":${id},"unread":1,"mentions":0,"notify":"${notify}","last_id":${last}}`;
  const expected =
    frame(id + 3, 'read', reading('all')) + frame(id + 4, 'notify', reading('mentions'));
  t.equal(await streams.bob.take(bob), expected);
  t.equal(await streams.device.take(device), expected);
  await nobodyElse(t, 'bob', 'device');
});

t.test('changes of members and titles are sent to the members', async (t) => {
  const { alice, bob, carol, chat, streams, nobodyElse } = await startStreams(t);
  await alice.put(chat, { title: 'Monday hike' });
  await alice.put(`${chat}/members/2`, { role: 'owner' });
  await bob.put('/api/user', { name: 'bobby' });
  await alice.put(`${chat}/members/2`, { role: 'member' });
  const bobby = (role: string) =>
    `{"chat_id":1,"member":{"id":2,"name":"bobby","role":"${role}","joined":"${time}"}}`;
  const expected =
    frame(4, 'chat', '{"chat":{"id":1,"title":"Monday hike"}}') +
    frame(5, 'member.changed', bobby('owner').replace('bobby', 'bob')) +
    frame(6, 'user', '{"id":2,"name":"bobby"}') +
    frame(7, 'member.changed', bobby('member'));
  t.equal(await streams.alice.take(alice), expected);
  t.equal(await streams.bob.take(bob), expected);
  await alice.put(`${chat}/permissions`, { rename: 'owners' });
  const renamed = frame(12, 'chat', '{"chat":{"id":1,"title":"Monday hike","rename":"owners"}}');
  t.equal(await streams.bob.take(bob), renamed);
  t.equal(await streams.alice.take(alice), renamed);
  await nobodyElse(t, 'alice', 'bob', 'device');

  await alice.post(`${chat}/members`, { name: 'carol' });
  const joined = await streams.carol.next('member.joined');
  t.equal(
    joined.text,
    frame(
      joined.id ?? 0,
      'member.joined',
      `{"chat_id":1,"member":{"id":3,"name":"carol","role":"member","joined":"${time}"}}`,
    ),
    'to the new member as well',
  );
  t.equal(await streams.alice.take(alice), joined.text);
  t.equal(await streams.bob.take(bob), joined.text);
  await alice.send(chat, 'Welcome');
  t.match((await streams.carol.next('message')).data, { message: { content: 'Welcome' } });

  await alice.delete(`${chat}/members?user_id=3`);
  const left = await streams.carol.next('member.left');
  t.equal(left.text, frame(left.id ?? 0, 'member.left', '{"chat_id":1,"user_id":3}'));
  await alice.send(chat, 'Gone');
  await alice.put(chat, { title: 'Without carol' });
  await bob.post(`${chat}/typing`);
  t.equal(await streams.carol.take(carol), '', 'a removed member receives nothing more');
  await streams.alice.next('message');
  t.equal((await streams.alice.next('member.left')).text, left.text);
});

t.test('the last member’s leaving is sent to their own devices', async (t) => {
  const { bob, chat, device, streams, nobodyElse } = await startStreams(t);
  const own = await bob.createChat('Notes');
  const id = Number(own.split('/').at(-1));
  await streams.bob.next('member.joined');
  await streams.device.next('member.joined');
  await bob.delete(`/api/chats?chat_id=${id}`);
  const expected =
    frame(id + 2, 'member.left', `{"chat_id":${id},"user_id":2}`) +
    frame(id + 3, 'chat.deleted', `{"chat_id":${id}}`);
  t.equal(await streams.bob.take(bob), expected);
  t.equal(await streams.device.take(device), expected);
  await nobodyElse(t, 'bob', 'device');
  t.equal((await bob.get(chat)).status, 200);
});

t.test('a new owner receives the chat’s handover', async (t) => {
  const { alice, bob, streams } = await startStreams(t);
  await alice.delete('/api/chats?chat_id=1');
  t.equal(
    await streams.bob.take(bob),
    frame(4, 'member.left', '{"chat_id":1,"user_id":1}') +
      frame(
        5,
        'member.changed',
        `{"chat_id":1,"member":{"id":2,"name":"bob","role":"owner","joined":"${time}"}}`,
      ),
  );
  t.equal(
    await streams.alice.take(alice),
    frame(4, 'member.left', '{"chat_id":1,"user_id":1}'),
    'a user who left receives nothing after that in the same commit',
  );
});

t.test('a new name is one event, sent once to each user who shares a chat', async (t) => {
  const { alice, bob, carol, db, device, file, streams, nobodyElse } = await startStreams(t);
  for (let i = 0; i < 40; i++) {
    const chat = await alice.createChat(`Number ${i}`);
    if (i % 2 === 0) await alice.post(`${chat}/members`, { name: 'bob' });
  }
  await streams.alice.take(alice);
  await streams.bob.take(bob);
  await streams.device.take(device);
  const newest = () => Number(query(file, 'select max(id) as id from events')[0]?.id);
  const before = newest();
  await alice.put('/api/user', { name: 'alicia' });
  const expected = frame(before + 1, 'user', '{"id":1,"name":"alicia"}');
  t.equal(newest(), before + 1);
  await alice.put('/api/user', { email: 'alicia@example.org' });
  t.equal(newest(), before + 1, 'an address is sent to nobody');
  for (const [person, text] of [
    [bob, expected],
    [alice, expected],
    [carol, ''],
  ] as const) {
    const { id: userId } = person;
    const sessionId = (await person.get('/api/session')).body.session.id;
    const chunk = await db.read(catchUp, {
      userId,
      sessionId,
      since: before,
      isUnderWay: false,
    });
    t.equal(chunk?.text, `${text}id: ${before + 1}\n\n`, `${person.name} was away`);
  }
  t.equal(await streams.alice.take(alice), expected);
  t.equal(await streams.bob.take(bob), expected);
  t.equal(await streams.device.take(device), expected);
  await nobodyElse(t, 'alice', 'bob', 'device');
});

t.test(
  'a renamed or deleted user is announced to a partner in a direct chat that the user has left',
  async (t) => {
    const { alice, carol, db, file, streams, nobodyElse } = await startStreams(t);
    const { id } = carol;
    const opened = await carol.post('/api/chats', { with: 'alice' });
    const leave = `/api/chats?chat_id=${String(opened.headers.location).split('/').at(-1)}`;
    await alice.post('/api/chats', { with: 'carol' });
    await carol.delete(leave);
    await streams.alice.take(alice);
    await streams.carol.take(carol);
    const newest = () => Number(query(file, 'select max(id) as id from events')[0]?.id);
    const before = newest();
    await carol.put('/api/user', { name: 'caroline' });
    const renamed = frame(before + 1, 'user', `{"id":${id},"name":"caroline"}`);
    t.equal(await streams.alice.take(alice), renamed);
    t.equal(await streams.carol.take(carol), renamed);
    const since = newest();
    await carol.delete('/api/user');
    const sessionId = (await alice.get('/api/session')).body.session.id;
    const away = { userId: alice.id, sessionId, since, isUnderWay: false };
    const gone = `event: user\ndata: {"id":${id},"gone":true}\n\n`;
    t.ok(String((await db.read(catchUp, away))?.text).includes(gone), 'also who was away');
    t.match(await streams.alice.take(alice), gone);
    await nobodyElse(t, 'alice', 'carol');
    await alice.delete(leave);
    t.notMatch((await db.read(catchUp, away))?.text, gone, 'but not who has left the chat too');
  },
);

t.test(
  'a partner who was left hears of each change of the account, and nobody else does',
  async (t) => {
    const { alice, bob, carol, db, streams } = await startStreams(t);
    const { id } = carol;
    const opened = await carol.post('/api/chats', { with: 'alice' });
    await alice.post('/api/chats', { with: 'carol' });
    await carol.delete(`/api/chats?chat_id=${String(opened.headers.location).split('/').at(-1)}`);
    const byOperator = (isDisabled: boolean) => db.write(setDisabledByOperator, { id, isDisabled });
    for (const [change, data] of [
      [() => carol.put('/api/user', { name: 'caro' }), '"name":"caro"'],
      [() => alice.put(`/api/users/${id}`, { disabled: '1' }), '"name":"caro","disabled":true'],
      [() => alice.put(`/api/users/${id}`, { disabled: '0' }), '"name":"caro"'],
      [() => byOperator(true), '"name":"caro","disabled":true'],
      [() => byOperator(false), '"name":"caro"'],
      [() => db.write(deleteAccount, { id, nameHold: 0 }), '"gone":true'],
    ] as const) {
      await streams.alice.take(alice);
      await streams.bob.take(bob);
      const since = (await db.read(findNewestEvent, {}))?.id;
      await change();
      const expected = `event: user\ndata: {"id":${id},${data}}\n\n`;
      t.match(await streams.alice.take(alice), expected);
      t.equal(await streams.bob.take(bob), '', 'a stranger hears nothing');
      for (const [person, text] of [
        [alice, expected],
        [bob, ''],
      ] as const) {
        const sessionId = (await person.get('/api/session')).body.session.id;
        const reader = { userId: person.id, sessionId, since, isUnderWay: false };
        const missed = (await db.read(catchUp, reader))?.text ?? '';
        const shown = missed.match(/event: user\n.*\n\n/g)?.join('') ?? '';
        t.equal(shown, text, `${person.name}, who was away`);
      }
    }
  },
);

t.test('typing is sent to the other members and stored nowhere', async (t) => {
  const { alice, bob, carol, chat, device, streams, nobodyElse } = await startStreams(t);
  t.same((await alice.post(`${chat}/typing`)).body, { status: 'ok' });
  const expected = 'event: typing\ndata: {"chat_id":1,"user_id":1}\n\n';
  t.equal(await streams.bob.take(bob), expected);
  t.equal(await streams.device.take(device), expected);
  await nobodyElse(t, 'bob', 'device');
  t.equal((await carol.post(`${chat}/typing`)).status, 403);
  t.equal((await alice.post('/api/chats/99/typing')).status, 404);
  t.equal((await alice.post('/api/chats/x/typing')).status, 400);
  await nobodyElse(t);
});

t.test('no text can forge a frame', async (t) => {
  const { alice, bob, chat, streams } = await startStreams(t);
  const texts = [
    'a\n\nevent: session.ended\ndata: {}\n\n',
    'b\r\rid: 1\r\rdata: x',
    'c\r\n\r\nretry: 1\r\n\r\n',
    'd\u2028event: reset\u2029data: {}\u0085\u000b\u000c',
    'data: e',
    ': f\u0001\u007f\ufeff',
    '</script>\\n\\u000a"',
  ];
  for (const text of texts) await alice.send(chat, text);
  for (const text of texts) {
    const { data, id } = await streams.bob.next('message');
    t.equal(data.message.content, text);
    t.equal(data.message.id, id);
  }
  for (const title of ['data: x', 'event: reset', 'id: 1', ': ', '\u2028']) {
    const answer = await alice.put(chat, { title });
    if (answer.status === 200) t.equal((await streams.bob.next('chat')).data.chat.title, title);
  }
  t.equal((await alice.put('/api/user', { name: 'data: x' })).status, 200);
  t.strictSame((await streams.bob.next('user')).data, { id: 1, name: 'data: x' });
  t.equal(await streams.bob.take(bob), '');
  const allowed = ['message', 'chat', 'user', 'member.joined'];
  t.strictSame(
    streams.bob.events.filter(({ type }) => !allowed.includes(type)),
    [],
  );
  // A carriage return would end a line too.
  t.equal(streams.bob.text.includes('\r'), false);
});

t.test('of one commit, each user receives only what they may see', async (t) => {
  const { alice, bob, chat, streams } = await startStreams(t);
  const id = await alice.send(chat, 'Who is in?');
  await streams.bob.next('message');
  const reactions = `${chat}/messages/${id}/reactions`;
  // They arrive in one turn of the event loop, so they share one commit.
  await Promise.all([
    alice.request({ method: 'PUT', url: `${reactions}/${emoji('👍')}` }),
    alice.delete(`${chat}/members?user_id=2`),
    alice.request({ method: 'PUT', url: `${reactions}/${emoji('🤫')}` }),
  ]);
  t.equal(
    await streams.bob.take(bob),
    frame(id + 2, 'member.left', '{"chat_id":1,"user_id":2}'),
    'nothing more of the first one, whose text may show what came later',
  );
  t.match(await streams.alice.take(alice), /👍.*member.left.*🤫/s);
});

t.test('concurrent edits and a deletion end the same everywhere', async (t) => {
  const { alice, bob, chat, streams } = await startStreams(t);
  for (const isDeleted of [false, true]) {
    const word = isDeleted ? 'gone' : 'kept';
    const id = await alice.send(chat, 'first');
    const url = `${chat}/messages/${id}`;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        isDeleted && i === 10 ? alice.delete(url) : alice.put(url, { content: `${word}${i}` }),
      ),
    );
    const statuses = new Set(answers.map(({ status }) => status));
    t.ok(isDeleted ? !statuses.has(403) : statuses.size === 1, [...statuses].join());
    const received = (await streams.bob.take(bob)).split('\n\n').filter((text) => text !== '');
    const read = await bob.get(url);
    const hits: { id: number; snippet: string }[] = [];
    for (let i = 0; i < 20; i++) {
      hits.push(...(await bob.get(`/api/search?q="${word}${i}"`)).body.hits);
    }
    const { chats } = (await bob.get('/api/chats')).body;
    const listed = chats.find((one: { id: number }) => one.id === 1);
    if (isDeleted) {
      t.strictSame([read.status, hits, (await bob.get(chat)).body.messages.length], [404, [], 1]);
      t.match(received.at(-1), /^id: \d+\nevent: message.deleted\n/);
    } else {
      const { content } = read.body.message;
      t.match(hits, [{ id, snippet: content }]);
      t.equal(hits.length, 1);
      t.strictSame((await bob.get(chat)).body.messages, [read.body.message]);
      t.equal(listed.last_message, content);
      t.match(received.at(-1), `"content":"${content}","id":${id}`);
    }
  }
});

/** Calls `onWrite` for each write to a stream or answer. */
function watchWrites({ server }: FastifyInstance, onWrite: () => void): void {
  server.on('request', (_, response) => {
    const write = response.write.bind(response);
    const watched = (text: string) => {
      onWrite();
      return write(text);
    };
    Object.assign(response, { write: watched });
  });
}

t.test('a batch of events is one write for each stream', async (t) => {
  const cast = await startCast(t);
  const { alice, app, bob, chat } = cast;
  let writes = 0;
  watchWrites(app, () => {
    writes += 1;
  });
  const streams = [];
  for (let i = 0; i < 10; i++) streams.push(await follow(t, cast, bob));
  writes = 0;
  await Promise.all(Array.from({ length: 50 }, (_, i) => alice.send(chat, `m${i}`)));
  for (const stream of streams) await stream.until(() => stream.events.length === 50);
  t.equal(writes, 10);
});

t.test('hundreds of streams are sent an event over several turns of the event loop', async (t) => {
  const cast = await startCast(t);
  const { alice, app, chat, register } = cast;
  let [turn, isOver] = [0, false];
  const writesPerTurn = new Map<number, number>();
  watchWrites(app, () => writesPerTurn.set(turn, (writesPerTurn.get(turn) ?? 0) + 1));
  const nextTurn = () => {
    turn += 1;
    if (!isOver) setImmediate(nextTurn);
  };
  const streams: EventReader[] = [];
  for (let i = 0; i < 14; i++) {
    const person = await register(`reader${i}`);
    await alice.post(`${chat}/members`, { name: person.name });
    const opened = Array.from({ length: 20 }, () => follow(t, cast, person));
    streams.push(...(await Promise.all(opened)));
  }
  nextTurn();
  const sending: [type: string, send: () => Promise<unknown>][] = [
    ['message', () => alice.send(chat, 'Hello, all of you')],
    ['typing', () => alice.post(`${chat}/typing`)],
  ];
  for (const [type, send] of sending) {
    writesPerTurn.clear();
    await send();
    for (const stream of streams) await stream.next(type);
    const writes = [...writesPerTurn.values()];
    t.equal(
      writes.reduce((sum, count) => sum + count, 0),
      280,
    );
    t.ok(Math.max(...writes) <= 250, `${type}: ${writes}`);
  }
  isOver = true;
});

t.test('a removed member receives nothing from that moment on, however soon', async (t) => {
  const { alice, bob, chat, streams } = await startStreams(t);
  for (let round = 0; round < 10; round++) {
    const posts = Array.from({ length: 40 }, (_, i) =>
      i === 20
        ? alice.delete(`${chat}/members?user_id=2`)
        : alice.post(chat, { content: `r${round} m${i}` }),
    );
    await Promise.all(posts);
    await alice.post(`${chat}/members`, { name: 'bob' });
  }
  await streams.bob.take(bob);
  let isIn = true;
  const wrong: string[] = [];
  for (const { type, data, text } of streams.bob.events) {
    if (type === 'message' && !isIn) wrong.push(text);
    if (data.user_id === 2) isIn = type !== 'member.left';
    if (data.member?.id === 2) isIn = true;
  }
  t.strictSame(wrong, []);
  const received = streams.bob.events.map(({ id }) => id ?? 0);
  t.strictSame(
    received,
    [...new Set(received)].toSorted((a, b) => a - b),
    'each once, in order',
  );
  t.equal(streams.bob.events.filter(({ type }) => type === 'member.left').length, 10);
});
