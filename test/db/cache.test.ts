/** The cache holds what a fresh read finds, whatever happened meanwhile. */
import t, { type Test } from 'tap';
import { buildApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { openForCli } from '../../src/db/admin/open-for-cli.ts';
import { Cache } from '../../src/db/cache/cache.ts';
import { type CachedQuery, dependsOn } from '../../src/db/cache/cached-query.ts';
import type { EventRow } from '../../src/db/unit-of-work.ts';
import { newestPage } from '../../src/messages/newest-page.ts';
import { endsOf } from '../../src/messages/page.ts';
import { mutations } from '../../src/mutations.ts';
import { randomNumbers, seedOf } from '../helpers/random.ts';
import { Person, startCast, type WorldOptions } from '../helpers/world.ts';

interface Text {
  text: string;
}

/** A cached query of which only the identity matters. */
const cachedQuery = {} as CachedQuery<never, Text | undefined>;

const message = (chatId: number) => ({ type: 'message', chatId }) as EventRow;

const entry =
  (text: string, chatId: number, bytes = 10) =>
  async () => ({ value: { text }, invalidatedBy: dependsOn(['message'], { chatId }), bytes });

t.test('an entry stays cached until an event invalidates it', async (t) => {
  const cache = new Cache(10_000);
  t.strictSame(await cache.load(cachedQuery, 'a', entry('1', 7)), { text: '1' });
  await cache.load(cachedQuery, 'b', entry('2', 8));
  cache.invalidate([message(9), { type: 'chat', chatId: 7 } as EventRow]);
  t.strictSame(cache.get(cachedQuery, 'a'), { text: '1' });
  cache.invalidate([message(7)]);
  t.equal(cache.get(cachedQuery, 'a'), undefined);
  t.strictSame(cache.get(cachedQuery, 'b'), { text: '2' });
  cache.clear();
  t.equal(cache.get(cachedQuery, 'b'), undefined);
});

t.test('a value that changes while it is read is not cached', async (t) => {
  const cache = new Cache(10_000);
  for (const change of [() => cache.invalidate([message(7)]), () => cache.clear()]) {
    const { promise: changed, resolve } = Promise.withResolvers<void>();
    const reading = cache.load(cachedQuery, 'a', async () => {
      await changed;
      return entry('old', 7)();
    });
    change();
    resolve();
    t.strictSame(await reading, { text: 'old' }, 'a request made before the change may see it');
    t.equal(cache.get(cachedQuery, 'a'), undefined);
    await cache.load(cachedQuery, 'a', entry('new', 7));
    t.strictSame(cache.get(cachedQuery, 'a'), { text: 'new' }, 'the next read is cached again');
  }
});

/** Texts to which events append their ids; the event with id 0 cannot be applied. */
const updatable: CachedQuery<never, Text | undefined> = {
  ...cachedQuery,
  applyEvent: ({ text }, { id }) =>
    id === 0 ? undefined : { value: { text: `${text},${id}` }, bytes: 1000 * text.length },
};

const posted = (id: number) => ({ ...message(7), id }) as EventRow;

t.test('events update an entry that can apply them, unless others invalidate it', async (t) => {
  const cache = new Cache(10_000);
  const [invalidatedBy, updatedBy] = [
    dependsOn(['chat'], { chatId: 7 }),
    dependsOn(['message'], { chatId: 7 }),
  ];
  const read = async () => ({ value: { text: 'a' }, invalidatedBy, updatedBy, bytes: 10 });
  const first = (await cache.load(updatable, 1, read)) as Text;
  cache.invalidate([message(8), posted(1), posted(2)]);
  t.notOk(cache.isCurrent(first), 'what was derived from the old value is stale');
  t.equal(cache.changes, 3, 'changes are counted whether or not anybody waits for them');
  const second = cache.get(updatable, 1) as Text;
  t.strictSame(second, { text: 'a,1,2' });
  t.ok(cache.isCurrent(second));
  t.equal(cache.get(updatable, 1), second, 'once');
  cache.invalidate([posted(3), { type: 'chat', chatId: 7 } as EventRow, posted(4)]);
  t.equal(cache.get(updatable, 1), undefined, 'changed');
  await cache.load(updatable, 1, async () => {
    cache.invalidate([posted(5)]);
    return read();
  });
  t.equal(cache.get(updatable, 1), undefined, 'a value updated while it is read is not cached');
  await cache.load(updatable, 1, read);
  cache.invalidate([posted(0)]);
  t.equal(cache.get(updatable, 1), undefined, 'an event that cannot be applied evicts the entry');
  await cache.load(updatable, 1, read);
  for (let id = 1; id <= 5; id++) cache.invalidate([posted(id)]);
  t.equal(cache.get(updatable, 1), undefined, 'nobody reads it');
});

t.test('an updated value counts with its new size', async (t) => {
  const cache = new Cache(10_000);
  const updatedBy = dependsOn(['message'], { chatId: 7 });
  const read = async () => ({ value: { text: 'a' }, invalidatedBy: [], updatedBy, bytes: 10 });
  for (let key = 0; key < 5; key++) await cache.load(updatable, key, read);
  cache.invalidate([posted(1), posted(2)]);
  const left = Array.from({ length: 5 }, (_, key) => cache.get(updatable, key)?.text);
  t.strictSame(left, [undefined, undefined, undefined, 'a,1,2', 'a,1,2']);
});

t.test('entries that are read stay, whatever their query', async (t) => {
  const cache = new Cache(10_000);
  const other = {} as typeof cachedQuery;
  for (let i = 0; i < 100; i++) {
    await cache.load(i % 2 === 0 ? cachedQuery : other, i, entry('x', i, 600));
    t.ok(cache.get(cachedQuery, 0), 'an entry that was read is not evicted');
  }
  t.equal(cache.get(other, 0), undefined);
  t.equal(cache.get(other, 1), undefined);
  t.ok(cache.get(other, 99));
});

t.test('memory is bounded, and absent values take none', async (t) => {
  const cache = new Cache(10_000);
  for (let i = 0; i < 100; i++) await cache.load(cachedQuery, `key ${i}`, entry('x', i, 600));
  const found = Array.from({ length: 100 }, (_, i) => cache.get(cachedQuery, `key ${i}`));
  t.equal(
    found.filter((value) => value !== undefined).length,
    10,
    'each entry has its own overhead',
  );
  t.ok(
    found.slice(90).every((value) => value !== undefined),
    'the newest ones',
  );
  await cache.load(cachedQuery, 'large', entry('x', 1, 20_000));
  t.equal(cache.get(cachedQuery, 'large'), undefined);
  await cache.load(cachedQuery, 'absent', async () => ({
    value: undefined,
    invalidatedBy: [],
    bytes: 0,
  }));
  t.strictSame(cache.get(cachedQuery, 'key 99'), { text: 'x' });
  const none = new Cache(0);
  await none.load(cachedQuery, 'a', entry('1', 7));
  t.equal(none.get(cachedQuery, 'a'), undefined);
});

/** Asks a second server on the same file, which caches nothing. */
async function askUncached(t: Test, file: string, clock: () => number) {
  const db = openForCli(file);
  const app = await buildApp({ config: readConfig({ RATE_LIMIT: 'off' }), db, clock });
  t.teardown(async () => {
    await app.close();
    await db.close();
  });
  return ({ name, cookies }: Person, url: string) =>
    Object.assign(new Person(app, name), { cookies: { ...cookies } }).get(url);
}

t.test('an updated page equals a fresh read, however much was posted', async (t) => {
  const { file, alice, chat, clock } = await startCast(t);
  const ask = await askUncached(t, file, () => clock.now);
  const postedAtOnce = [0, 1, 2, 46, 1, 1, 7, 49, 50, 51, 1, 120, 3];
  for (const count of postedAtOnce) {
    clock.now += 1;
    const contents = Array.from({ length: count }, (_, i) => `Grüße 👍 ${i} of ${count}`);
    await Promise.all(contents.map((content) => alice.post(chat, { content })));
    const [shown, real] = [await alice.get(chat), await ask(alice, chat)];
    t.equal(shown.text, real.text, `after ${count} more`);
    t.equal(shown.headers.link, real.headers.link);
  }
});

t.test('a message that the page had when it was read is not added again', async (t) => {
  const { db, alice, chat } = await startCast(t);
  const chatId = Number(chat.split('/').at(-1));
  await alice.send(chat, 'Shall we meet at nine?');
  const { value: page } = await db.read(newestPage.read, { chatId });
  const eventOf = (id: number) => {
    const texts = { content: 'At ten', createdAt: 0, editedAt: null, replyTo: null };
    const payload = { message: { chatId, id, senderId: alice.id, ...texts }, posted: 1 };
    return { ...posted(id), payload };
  };
  const last = Number(endsOf(page).last);
  t.equal(newestPage.applyEvent?.(page, eventOf(last))?.value, page);
  const extended = newestPage.applyEvent?.(page, eventOf(last + 1))?.value;
  t.match(extended?.messages, [{ id: last }, { id: last + 1 }]);
});

/** The number of bursts of changes in the random test, with each writer. */
const bursts = Number(process.env.CACHE_BURSTS ?? 100);

const writers: Record<string, WorldOptions> = {
  'by the same thread': {},
  'by a thread of its own': {
    program: { url: new URL('../../src/writer.ts', import.meta.url), mutations: mutations },
  },
};

for (const [name, options] of Object.entries(writers)) {
  t.test(`random concurrent changes, ${name}, leave nothing stale in the cache`, async (t) => {
    await changeAtRandom(t, seedOf(t), options);
  });
}

async function changeAtRandom(t: Test, seed: number, options: WorldOptions): Promise<void> {
  const chance = randomNumbers(seed);
  const below = (n: number) => Math.floor(chance() * n);
  const pick = <T>(all: readonly T[]) => all[below(all.length)] as T;
  const { file, alice, bob, carol, chat, clock, register } = await startCast(t, {}, options);
  const dave = await register('dave');
  const ask = await askUncached(t, file, () => clock.now);
  const people = [alice, bob, carol];
  const chats = [chat, await bob.createChat('Chess'), await carol.createChat('Books')];
  await alice.post('/api/chats', { with: 'carol' });
  for (const person of people) await person.post('/api/chats', { with: 'dave' });
  const ids: string[] = ['1'];
  const names = new Map(people.map((person) => [person, person.name]));

  const changes: ((who: Person, where: string) => Promise<unknown>)[] = [
    async (who, where) => {
      const content = `${pick(['Hi', '@bob', `@${names.get(pick(people))}`])} ${below(1000)}`;
      const { status, headers } = await who.post(where, { content });
      if (status !== 201) return;
      ids.push(String(headers.location).split('/').at(-1) ?? '');
      const { messages } = (await who.get(where)).body;
      const isThere = messages?.some((one: { content: string }) => one.content === content);
      if (!isThere && messages !== undefined)
        t.ok(messages.length === 50, 'a user sees their own write');
    },
    (who, where) => who.put(`${where}/messages/${pick(ids)}`, { content: `Edited ${below(1000)}` }),
    (who, where) => who.delete(`${where}/messages/${pick(ids)}`),
    (who, where) => who.put(`${where}/messages/${pick(ids)}/reactions/${encodeURIComponent('👍')}`),
    (who, where) => who.put(`${where}/read`, { id: pick(ids) }),
    (who, where) => who.put(`${where}/notify`, { notify: pick(['all', 'mentions', 'nothing']) }),
    (who, where) => who.put(where, { title: `Title ${below(1000)}` }),
    (who, where) => who.post(`${where}/members`, { name: names.get(pick(people)) ?? '' }),
    (who, where) =>
      chance() < 0.3 ? who.delete(`${where}/members?user_id=${pick(people).id}`) : who.get(where),
    (who) => who.post('/api/chats', { with: names.get(pick(people)) ?? '' }),
    () => alice.put(`/api/users/${dave.id}`, { disabled: pick(['0', '1']) }),
    async (who) => {
      const name = `${who.name} ${below(1000)}`;
      const { status } = await who.put('/api/user', { name });
      if (status === 200) names.set(who, name);
    },
  ];

  for (let burst = 0; burst < bursts; burst++) {
    clock.now += 1;
    const changing = Array.from({ length: 6 }, () => pick(changes)(pick(people), pick(chats)));
    if (burst === Math.floor(bursts / 2)) changing.push(dave.delete('/api/user'));
    // What is read between a commit and its events must not stay cached.
    const reading = ['/api/chats', ...chats].map((url) => pick(people).get(url));
    await Promise.all([...changing, ...reading]);
    for (const person of people) {
      for (const url of ['/api/chats', ...chats]) {
        // Twice: the second answer shows what the first one cached.
        const shown = [await person.get(url), await person.get(url)];
        const real = await ask(person, url);
        for (const { status, text, headers } of shown) {
          const actual = [status, text, headers.link];
          if (String(actual) === String([real.status, real.text, real.headers.link])) continue;
          t.strictSame(
            actual,
            [real.status, real.text, real.headers.link],
            `burst ${burst}: ${url}`,
          );
          return;
        }
      }
    }
  }
  t.ok(ids.length > 10, `${ids.length} messages`);
}
