/** New messages wait to be indexed, and are found all the same. */
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import t from 'tap';
import { fill } from '../../bench/fill.ts';
import { countUnsearchable } from '../../src/db/admin/check.ts';
import type { Store } from '../../src/db/store.ts';
import { indexAllWaiting, startIndexing } from '../../src/jobs/waiting-messages.ts';
import { postMessage } from '../../src/messages/messages.ts';
import { indexNext } from '../../src/search-index/rebuild.ts';
import { indexWaiting } from '../../src/search-index/waiting.ts';
import { hurried } from '../helpers/database.ts';
import { query } from '../helpers/rows.ts';
import { ids, replaceIndex } from '../helpers/search.ts';
import { startCast, startWorld } from '../helpers/world.ts';

const idOf = (chat: string) => Number(chat.split('/').at(-1));

const countIndexed = (file: string) =>
  Number(query(file, 'select count(*) as n from search_docsize')[0]?.n);

const isSound = async (db: Store) => (await db.read(countUnsearchable, {})) === 0;

t.test(
  'edits and deletions of waiting messages count at once, and are what is indexed',
  async (t) => {
    const { alice, bob, chat, db, file } = await startCast(t);
    const kept = await alice.send(chat, 'a walnut tree');
    const edited = await alice.send(chat, 'a walnut table');
    const deleted = await alice.send(chat, 'a walnut chair');
    await alice.put(`${chat}/messages/${edited}`, { content: 'an oak table' });
    await alice.delete(`${chat}?id=${deleted}`);
    t.equal(countIndexed(file), 0, 'they wait');
    // Searches while they wait, indexes them, and searches again.
    t.strictSame(await ids(bob, 'walnut '), [kept]);
    t.strictSame(await ids(bob, 'table '), [edited]);
    t.strictSame(await ids(bob, 'chair '), []);
    t.equal(countIndexed(file), 2);
    await alice.put(`${chat}/messages/${edited}`, { content: 'a beech table' });
    t.strictSame(await ids(bob, 'oak '), [], 'and later edits too');
    t.strictSame(await ids(bob, 'beech '), [edited]);
    t.ok(await isSound(db));
  },
);

t.test('messages are indexed in portions, oldest first', async (t) => {
  const { alice, bob, chat, db, file } = await startCast(t);
  const input = { chatId: idOf(chat), userId: alice.id };
  const post = (_: unknown, n: number) =>
    db.write(postMessage, { ...input, content: `walnut ${n}` });
  await Promise.all(Array.from({ length: 150 }, post));
  for (const [count, isLast] of [
    [64, false],
    [128, false],
    [150, true],
  ] as const) {
    t.equal(await db.write(hurried(indexWaiting), {}), isLast);
    t.equal(countIndexed(file), count);
    t.equal((await ids(bob, 'walnut ', {}, async () => undefined)).length, 150);
    t.ok(await isSound(db));
  }
});

t.test('a rebuild takes over what waits, and what is posted meanwhile waits', async (t) => {
  const { alice, bob, chat, db, file } = await startCast(t);
  const post = () => alice.send(chat, 'walnut');
  for (let n = 0; n < 10; n += 1) await post();
  await indexAllWaiting(db);
  for (let n = 0; n < 10; n += 1) await post();
  await replaceIndex(db);
  t.equal(countIndexed(file), 0);
  await post();
  await db.write(indexNext, { limit: 5 });
  await post();
  t.equal(countIndexed(file), 5);
  t.equal((await ids(bob, 'walnut ', {}, async () => undefined)).length, 22);
  while ((await db.write(indexNext, { limit: 5 })) > 0) t.ok(await isSound(db));
  t.equal(countIndexed(file), 21, 'all but the one posted since');
  t.equal((await ids(bob, 'walnut ')).length, 22);
  t.equal(countIndexed(file), 22);
  t.ok(await isSound(db));
});

t.test('the job indexes many at once, and few when nobody posts', async (t) => {
  const { alice, chat, db, file } = await startCast(t);
  t.teardown(startIndexing(db, pino({ enabled: false })));
  const indexed = async (count: number) => {
    while (countIndexed(file) < count) await new Promise((resolve) => setTimeout(resolve, 20));
    t.equal(countIndexed(file), count);
  };
  const input = { chatId: idOf(chat), userId: alice.id, content: 'walnut' };
  await Promise.all(Array.from({ length: 256 }, () => db.write(postMessage, input)));
  await indexed(256);
  await alice.send(chat, 'one more');
  t.equal(countIndexed(file), 256);
  await indexed(257);
});

t.test('a commit with a single message writes at most 32 KB to the WAL', async (t) => {
  const { db, file } = await startWorld(t);
  const sqlite = new Database(file);
  fill(sqlite, 20_000, 7);
  const places = sqlite
    .prepare('select user_id as userId, chat_id as chatId from memberships')
    .all();
  sqlite.pragma('wal_checkpoint(TRUNCATE)');
  sqlite.close();
  const count = 100;
  for (let n = 0; n < count; n += 1) {
    const place = places[(n * 7) % places.length] as { userId: number; chatId: number };
    const content = `The ${n}th message is about as long as what people write, and has its words.`;
    await db.write(postMessage, { ...place, content });
  }
  const each = statSync(`${file}-wal`).size / count;
  t.comment(`${each} bytes for each message`);
  t.ok(each > 0 && each <= 32 * 1024);
});
