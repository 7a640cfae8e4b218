import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { addressOf, beat, cookieOf, follow, openEvents } from '../helpers/sse.ts';
import { type Person, password, startCast, startWorld, type World } from '../helpers/world.ts';

const day = 24 * 3_600_000;

/** A stream of a user on a further device. */
async function followOnDevice(t: Test, world: World, person: Person) {
  const device = await person.otherDevice();
  const stream = await follow(t, world, device);
  const { session } = (await device.get('/api/session')).body;
  return { device, stream, id: Number(session.id) };
}

const farewell = (id: number) => `event: session.ended\ndata: {"session_id":${id}}\n\n`;

t.test('a stream ends with its session, and the user’s other devices are notified', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, carol } = cast;
  const own = await follow(t, cast, bob);
  const others = await follow(t, cast, carol);
  const phone = await followOnDevice(t, cast, bob);
  const laptop = await followOnDevice(t, cast, bob);
  const endings: [string, typeof phone, () => Promise<unknown>][] = [
    ['logout', phone, () => phone.device.get('/api/logout')],
    ['elsewhere', laptop, () => bob.delete(`/api/sessions?id=${laptop.id}`)],
  ];
  for (const [name, { stream, id }, end] of endings) {
    const before = stream.text;
    await end();
    await stream.ended();
    t.equal(stream.isBroken, false, name);
    t.equal(stream.text, before + farewell(id));
    const received = await own.next('session.ended');
    t.equal(received.text, `id: ${received.id}\n${farewell(id)}`);
    // The laptop hears of the phone, in a packet of its own.
    if (stream !== laptop.stream) await laptop.stream.next('session.ended');
  }
  const tablet = await followOnDevice(t, cast, bob);
  const change = { current_password: password, password: 'another horse battery' };
  await bob.put(`/api/user/${bob.id}/password`, change);
  await tablet.stream.ended();
  t.match(tablet.stream.text, farewell(tablet.id));
  t.equal((await own.next('session.ended')).data.session_id, tablet.id);
  t.equal(await own.take(bob), '', 'the stream of the session that made the change lives on');

  const replaced = await followOnDevice(t, cast, alice);
  await replaced.device.post('/api/login', { name: 'alice', password });
  await replaced.stream.ended();
  t.equal(await others.take(carol), '', 'other users do not hear of it');
});

t.test('a user who is disabled or deletes the account receives nothing more', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, carol, chat } = cast;
  const streams = [await follow(t, cast, bob), (await followOnDevice(t, cast, bob)).stream];
  await alice.put(`/api/users/${bob.id}`, { disabled: '1' });
  for (const stream of streams) {
    await stream.ended();
    t.match(stream.events, [{ type: 'session.ended' }]);
  }
  await alice.post(`${chat}/members`, { name: 'carol' });
  const gone = await follow(t, cast, carol);
  const watching = await follow(t, cast, alice);
  await carol.delete('/api/user');
  await gone.ended();
  t.match(gone.events, [{ type: 'session.ended' }]);
  t.match(await watching.take(alice), /^id: \d+\nevent: member.left\ndata: .*"user_id":3}\n\n$/);
});

t.test('a session that a commit ends receives nothing of that commit', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat } = cast;
  const id = await alice.send(chat, 'Hi');
  const { device, stream, id: session } = await followOnDevice(t, cast, bob);
  const other = await follow(t, cast, bob);
  const url = `${chat}/messages/${id}/reactions/${encodeURIComponent('👍')}`;
  const before = stream.text.split('\n\n').at(-3);
  t.match(before, /^id: \d+$/);
  await Promise.all([
    alice.request({ method: 'PUT', url }),
    device.get('/api/logout'),
    alice.request({ method: 'DELETE', url }),
  ]);
  await stream.ended();
  t.strictSame(
    stream.events.map(({ text }) => text),
    [farewell(session)],
  );
  const received = await other.take(bob);
  t.match(received, /reaction.*session.ended.*reaction/s, 'it was one commit, in this order');
  // After signing in again, the same reader misses nothing.
  const lastEventId = String(stream.lastId);
  const again = await openEvents(t, {
    url: await addressOf(cast),
    cookie: cookieOf(await bob.otherDevice()),
    lastEventId,
  });
  t.ok((await again.take(bob)).startsWith(received));
});

t.test('a session that ends while its stream is opened leaves no stream behind', async (t) => {
  const world = await startWorld(t);
  let meanwhile = async () => {};
  world.app.addHook('preHandler', async (request) => {
    if (request.url === '/api/events') await meanwhile();
  });
  const alice = await world.register('alice');
  const device = await alice.otherDevice();
  meanwhile = async () => {
    await device.get('/api/logout');
  };
  const cookie = cookieOf(device);
  const stream = await openEvents(t, { url: await addressOf(world), cookie });
  await stream.ended();
  t.match(stream.events, [{ type: 'session.ended', id: undefined }]);
  t.notMatch(stream.text, /^id:/m);
});

t.test('a client that leaves before its stream is open occupies no place', async (t) => {
  const world = await startWorld(t);
  let isGhost = false;
  world.app.addHook('preHandler', async (request, reply) => {
    if (!isGhost || request.url !== '/api/events') return;
    request.raw.socket.destroy();
    await once(reply.raw, 'close');
  });
  const alice = await world.register('alice');
  const stream = await follow(t, world, alice);
  isGhost = true;
  const where = { url: await addressOf(world), cookie: cookieOf(alice) };
  for (let i = 0; i < 20; i++) await t.rejects(openEvents(t, where));
  isGhost = false;
  t.equal(await stream.take(alice), '');
  t.equal(stream.hasEnded, false);
});

t.test('a user has at most twenty streams, and one more ends the oldest', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat } = cast;
  const other = await follow(t, cast, alice);
  const streams = [];
  for (let i = 0; i < 20; i++) streams.push(await follow(t, cast, bob));
  const [first, second] = streams;
  t.equal(await first?.take(bob), '');
  streams.push(await follow(t, cast, bob));
  await first?.ended();
  t.equal(first?.isBroken, false);
  await alice.send(chat, 'Hi all');
  for (const stream of streams.slice(1)) await stream.next('message');
  second?.cut();
  await second?.ended();
  await other.next('message');
  t.equal(other.hasEnded, false);
  t.equal(streams.filter((stream) => stream.hasEnded).length, 2);
});

t.test('a beat every fifteen seconds keeps the connection open', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const cast = await startCast(t);
  const { alice, bob, chat } = cast;
  const stream = await follow(t, cast, bob);
  const start = stream.text;
  mock.timers.tick(14_999);
  t.equal(await stream.take(bob), '');
  t.equal(stream.beats, 1, 'everything missed has been sent');
  const before = stream.text;
  mock.timers.tick(1);
  await stream.until(() => stream.text !== before);
  t.equal(stream.text, `${before}${beat}`);
  mock.timers.tick(15_000);
  await alice.send(chat, 'Hi');
  await stream.next('message');
  t.ok(stream.text.slice(before.length).startsWith(`${beat}${beat}id: `));
  t.ok(stream.text.startsWith(start));
});

t.test('a stream ends within one beat of its session’s expiry', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const cast = await startCast(t);
  const { alice, bob, clock } = cast;
  const start = clock.now;
  const used = await follow(t, cast, alice);
  const { stream: idle, id } = await followOnDevice(t, cast, bob);
  clock.now += 29 * day;
  t.equal((await alice.get('/api/session')).status, 200);
  // The use is written after the answer; by the next request it is stored.
  t.equal((await alice.get('/api/session')).status, 200);
  clock.now += day - 1;
  mock.timers.tick(15_000);
  await idle.until(() => idle.beats === 2);
  t.equal(idle.hasEnded, false, 'not a moment earlier');
  clock.now += 1;
  mock.timers.tick(15_000);
  await idle.ended();
  t.ok(idle.text.endsWith(farewell(id)), 'idle for 30 days');
  t.equal(idle.isBroken, false);
  t.equal(await used.take(alice), '', 'the session that was used lives on');
  while (clock.now < start + 180 * day) {
    mock.timers.tick(15_000);
    t.equal(await used.take(alice), '');
    clock.now += 7 * day;
  }
  mock.timers.tick(15_000);
  await used.ended();
  t.match(used.events.at(-1), { type: 'session.ended', id: undefined });
});

/** The bytes that the server holds for each stream, and the most that they ever were. */
function watchBacklogs({ app }: World) {
  const most = new Map<ServerResponse, number>();
  app.server.on('request', (request, response) => {
    if (!request.url?.startsWith('/api/events')) return;
    const write = response.write.bind(response);
    const watched = (text: string) => {
      const isWritten = write(text);
      most.set(response, Math.max(most.get(response) ?? 0, response.writableLength));
      return isWritten;
    };
    most.set(response, 0);
    Object.assign(response, { write: watched });
  });
  return most;
}

/** Sends messages of 16,000 bytes, as many at once as share a commit. */
async function flood(person: Person, chat: string, batches: number) {
  for (let batch = 0; batch < batches; batch++) {
    await Promise.all(
      Array.from({ length: 25 }, (_, i) =>
        person.send(chat, String.fromCodePoint(0x1f600 + i).repeat(4000)),
      ),
    );
  }
}

const limit = 256 * 1024;

t.test('a slow reader is cut off and resumes; other readers notice nothing', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat } = cast;
  const backlogs = watchBacklogs(cast);
  const slow = await follow(t, cast, bob);
  const [response] = backlogs.keys();
  const good = await follow(t, cast, bob);
  slow.pause();
  let batches = 0;
  while (!response?.destroyed && batches < 100) {
    await flood(alice, chat, 1);
    batches += 1;
  }
  t.equal(response?.destroyed, true, 'cut off');
  const most = Math.max(...backlogs.values());
  const batchSize = 26 * 16_200;
  t.ok(most <= limit + batchSize, `the server held at most ${most} bytes for a reader`);
  const count = batches * 25;
  await good.until(() => good.events.length === count);
  t.equal(good.hasEnded, false);

  slow.resume();
  await slow.ended();
  t.equal(slow.isBroken, true);
  t.comment(
    `${slow.text.length} characters and ${most} bytes in the server after ${batches} batches`,
  );
  const again = await follow(t, cast, bob, { lastEventId: String(slow.lastId) });
  await again.until(() => slow.events.length + again.events.length >= count);
  await again.take(bob);
  const ids = [...slow.events, ...again.events].map(({ id }) => id).slice(0, count);
  t.strictSame(
    ids,
    good.events.slice(0, count).map(({ id }) => id),
    'all, each once',
  );
});

t.test('the server waits for a reader that catches up slowly, and buffers little', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat } = cast;
  await flood(alice, chat, 30);
  const backlogs = watchBacklogs(cast);
  const where = { url: await addressOf(cast), cookie: cookieOf(bob), query: '?since=3' };
  const slow = await openEvents(t, where);
  slow.pause();
  const [response] = backlogs.keys();
  while (!response?.socket?.writableNeedDrain) await alice.send(chat, 'still there?');
  await flood(alice, chat, 1);
  t.ok(Math.max(...backlogs.values()) < limit / 2, `${Math.max(...backlogs.values())} bytes`);
  slow.resume();
  const last = await alice.send(chat, 'last');
  await slow.until(() => slow.events.at(-1)?.id === last);
  t.equal(slow.hasEnded, false);
  const page = await bob.get(`${chat}?limit=200`);
  const newest = page.body.messages.map((message: { id: number }) => message.id);
  const ids = slow.events.map(({ id }) => id);
  t.strictSame(ids.slice(-newest.length), newest);
  t.equal(ids.length, last - 3, 'every event since, each once');
  t.equal(new Set(ids).size, ids.length);
});

t.test('a batch larger than the limit cuts off no reader', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat } = cast;
  const stream = await follow(t, cast, bob);
  await Promise.all(Array.from({ length: 100 }, () => alice.send(chat, '\u{1f600}'.repeat(4000))));
  await stream.until(() => stream.events.length === 100);
  t.equal(stream.hasEnded, false);
});

t.test('hundreds of readers that come and go leave nothing behind', async (t) => {
  const cast = await startCast(t);
  const { alice, bob, chat } = cast;
  const where = { url: await addressOf(cast), cookie: cookieOf(bob) };
  for (let round = 0; round < 10; round++) {
    const readers = await Promise.all(Array.from({ length: 20 }, () => openEvents(t, where)));
    const sent = alice.send(chat, `round ${round}`);
    for (const reader of readers) reader.cut();
    await sent;
  }
  const stream = await follow(t, cast, bob);
  await alice.send(chat, 'Anybody there?');
  t.equal((await stream.next('message')).data.message.content, 'Anybody there?');
});
