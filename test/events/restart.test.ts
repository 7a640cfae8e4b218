import { join } from 'node:path';
import t, { type Test } from 'tap';
import { RemotePerson, type ServerProcess, startServer } from '../helpers/server.ts';
import { type EventReader, openEvents } from '../helpers/sse.ts';
import { tempFolder } from '../helpers/world.ts';

/** Alice and bob, in a chat, on a server of their own. */
async function startPair(t: Test) {
  const file = join(await tempFolder(t), 'snug.db');
  const server = await startServer(t, file);
  const alice = await new RemotePerson(server.url).register('alice');
  const bob = await new RemotePerson(server.url).register('bob');
  const answer = await alice.send('POST', '/api/chats', { title: 'Sunday hike' });
  const chat = String(answer.headers.get('location'));
  await alice.send('POST', `${chat}/members`, { name: 'bob' });
  return { file, server, alice, bob, chat };
}

/** The same person on a restarted server. */
function onServer(person: RemotePerson, { url }: ServerProcess): RemotePerson {
  return Object.assign(new RemotePerson(url), { cookie: person.cookie });
}

async function post(person: RemotePerson, chat: string, content: string): Promise<number> {
  const answer = await person.send('POST', chat, { content });
  if (answer.status !== 201) throw new Error(`not sent: ${await answer.text()}`);
  return Number(answer.headers.get('location')?.split('/').at(-1));
}

const idsOf = (...readers: EventReader[]) =>
  readers
    .flatMap(({ events }) => events.filter(({ type }) => type === 'message'))
    .map(({ id }) => id);

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  t.test(`events are complete over a restart by ${signal}`, async (t) => {
    const { file, server, alice, bob, chat } = await startPair(t);
    const first = await openEvents(t, bob);
    await first.until(() => first.lastId !== undefined);
    const acknowledged: number[] = [];
    for (let i = 0; i < 30; i++) acknowledged.push(await post(alice, chat, `before ${i}`));
    first.pause();
    // More than one read of the event log returns, so that catching up takes several.
    for (let i = 0; i < 5; i++) {
      const batch = Array.from({ length: 100 }, (_, n) => post(alice, chat, `unread ${i} ${n}`));
      acknowledged.push(...(await Promise.all(batch)));
    }
    first.cut();
    const lost = Array.from({ length: 50 }, (_, i) => post(alice, chat, `meanwhile ${i}`));
    const code = server.end(signal);
    for (const outcome of await Promise.allSettled(lost)) {
      if (outcome.status === 'fulfilled') acknowledged.push(outcome.value);
    }
    t.equal(await code, signal === 'SIGTERM' ? 0 : signal);

    const restarted = await startServer(t, file);
    const lastEventId = String(first.lastId);
    const second = await openEvents(t, { ...onServer(bob, restarted), lastEventId });
    const last = await post(onServer(alice, restarted), chat, 'after');
    await second.until(() => second.events.at(-1)?.id === last);
    const received = idsOf(first, second);
    t.strictSame(
      received,
      [...new Set(received)].toSorted((a = 0, b = 0) => a - b),
      'each once, in order',
    );
    const missing = [...acknowledged, last].filter((id) => !received.includes(id));
    t.strictSame(missing, [], 'every acknowledged message');
    t.equal(await restarted.end('SIGTERM'), 0);
  });
}

t.test('open streams do not keep a server from stopping', async (t) => {
  const { server, alice, bob, chat } = await startPair(t);
  const readers: EventReader[] = [];
  for (let i = 0; i < 15; i++) readers.push(await openEvents(t, bob));
  const stuck = readers[0];
  stuck?.pause();
  const last = await post(alice, chat, 'last');
  const readingStreams = readers.slice(1);
  for (const reader of readingStreams) await reader.until(() => reader.events.at(-1)?.id === last);
  for (let i = 0; i < 12; i++) {
    const text = '\u{1f600}'.repeat(4000);
    await Promise.all(Array.from({ length: 25 }, () => post(alice, chat, text)));
  }
  const start = performance.now();
  t.equal(await server.end('SIGTERM'), 0);
  const took = performance.now() - start;
  t.ok(took < 2000, `it took ${Math.round(took)} ms`);
  for (const reader of readingStreams) {
    await reader.ended();
    t.equal(reader.isBroken, false, 'ended in order');
  }
  t.notMatch(server.output(), /"level":[56]0/, 'no error in its log');
});
