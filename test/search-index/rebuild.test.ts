/** A rebuild of the search index that is interrupted. */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { countUnsearchable, findDamage } from '../../src/db/admin/check.ts';
import { findForeignSchema } from '../../src/db/admin/compare-schema.ts';
import { extendAll } from '../../src/jobs/search-vocabulary.ts';
import { postMessage } from '../../src/messages/messages.ts';
import { rebuildPortion, startRebuild } from '../../src/search-index/rebuild.ts';
import { hurried } from '../helpers/database.ts';
import { query } from '../helpers/rows.ts';
import { ids } from '../helpers/search.ts';
import { runSnug, type SnugProcess, spawnSnug, startServer } from '../helpers/server.ts';
import { startCast } from '../helpers/world.ts';

/** How far a rebuild has come, or undefined if there is none. */
const stateOf = (file: string) =>
  query(file, "select value from server_state where key = 'search_rebuild'")[0]?.value;

/** A file with much to index, and the cookie of a user who may read all of it. */
async function startLong(t: Test, count: number) {
  const { alice, app, db, file, chat } = await startCast(t);
  const posts = Array.from({ length: count }, (_, n) => ({
    chatId: Number(chat.split('/').at(-1)),
    userId: alice.id,
    content: `note ${n % 50 === 0 ? 'rare' : 'frequent'}`,
  }));
  for (let n = 0; n < count; n += 1_000) {
    await Promise.all(posts.slice(n, n + 1_000).map((post) => db.write(postMessage, post)));
  }
  const cookie = Object.entries(alice.cookies)
    .map((pair) => pair.join('='))
    .join('; ');
  await app.close();
  await db.close();
  return { file, cookie };
}

t.test('a killed rebuild continues automatically, and meanwhile everything is found', async (t) => {
  const count = 4_000;
  const { file, cookie } = await startLong(t, count);
  const isReplaced = () =>
    query(file, "select 1 from server_state where key = 'search_outdated'").length === 0;
  /** How many messages the new index has. */
  const indexedCount = () =>
    isReplaced() ? query(file, 'select count(*) as n from search_docsize')[0]?.n : 0;
  /** Kills a process when it has indexed a number of messages again. */
  const killAt = async (least: number, { child, exited }: SnugProcess) => {
    while (stateOf(file) === undefined || Number(indexedCount()) < least) await sleep(1);
    child.kill('SIGKILL');
    t.equal(await exited, 'SIGKILL');
    t.ok(
      stateOf(file) !== undefined && Number(indexedCount()) < count,
      `killed at ${indexedCount()}`,
    );
  };
  const findAll = async (url: string) => {
    const found: number[] = [];
    let path: string | undefined = '/api/search?q=rare&limit=50';
    while (path !== undefined) {
      const answer: Response = await fetch(url + path, { headers: { cookie } });
      const { hits } = (await answer.json()) as { hits: { id: number }[] };
      found.push(...hits.map(({ id }) => id));
      path = /<([^>]+)>/.exec(answer.headers.get('link') ?? '')?.[1];
    }
    return found.length;
  };
  for (const least of [0, 300]) {
    const env = { DATABASE_URL: file };
    await killAt(least, spawnSnug(t, { args: ['check', '--repair-search'], env }));
    const server = await startServer(t, file);
    t.equal(await findAll(server.url), count / 50, 'messages not yet indexed are found');
    await server.wrote(/rebuilding the search index/);
    if (least > 0) {
      await killAt(Number(indexedCount()) + 1, server);
      const next = await startServer(t, file);
      await next.wrote(/the search index is rebuilt/);
      await next.end('SIGTERM');
    } else {
      await server.wrote(/the search index is rebuilt/);
      t.equal(await findAll(server.url), count / 50);
      t.equal(await server.end('SIGTERM'), 0);
    }
    t.equal(stateOf(file), undefined);
    t.equal(indexedCount(), count);
  }
  const check = await runSnug(t, file, ['check']);
  t.match(check.output, 'ok     search');
});

t.test('the old index is deleted in portions, between which others write', async (t) => {
  const { alice, chat, db, file } = await startCast(t);
  const [userId, chatId] = [alice.id, Number(chat.split('/').at(-1))];
  for (let n = 0; n < 2_000; n += 200) {
    const posts = Array.from({ length: 200 }, (_, m) =>
      db.write(postMessage, { chatId, userId, content: `word${n + m} ${'x'.repeat(n % 50)}` }),
    );
    await Promise.all(posts);
  }
  await extendAll(db);
  const portion = () => db.write(hurried(rebuildPortion), {});
  const left = () => {
    const [found] = query(file, "select 1 from sqlite_schema where name = 'search_old'");
    if (found === undefined) return 0;
    const [{ n } = { n: 0 }] = query(
      file,
      `select (select count(*) from search_old_data) + (select count(*) from search_old_idx)
        + (select count(*) from search_old_docsize) as n`,
    );
    return Number(n);
  };
  await db.write(startRebuild, {});
  t.equal(left(), 0, 'starting it only stores a note');
  t.equal(await portion(), true);
  const sizes = [left()];
  t.ok((sizes[0] ?? 0) > 2_000, 'all of it is put aside at once');
  let posted = 0;
  while (sizes.at(-1) !== 0) {
    t.equal(await portion(), true);
    const size = left();
    const before = sizes.at(-1) ?? 0;
    if (before - size > 60) t.fail(`${before - size} rows in one portion`);
    sizes.push(size);
    if (sizes.length % 10 === 0) {
      await alice.send(chat, `meanwhile ${posted}`);
      posted += 1;
      t.equal((await ids(alice, 'word1999 ')).length, 1, 'everything is found');
      t.strictSame(await db.read(findDamage, {}), []);
      t.strictSame(await db.read(findForeignSchema, {}), []);
      t.equal(await db.read(countUnsearchable, {}), 0);
    }
    if (sizes.length % 10 === 5) await db.write(startRebuild, {});
  }
  t.ok(sizes.length > 40, `${sizes.length} portions`);
  while (await db.write(rebuildPortion, {}));
  t.equal(left(), 0);
  t.strictSame(await db.read(findDamage, {}), []);
  t.equal(await db.read(countUnsearchable, {}), 0);
  t.equal((await ids(alice, 'meanwhile ')).length, posted);
  t.equal((await ids(alice, 'word7 ')).length, 1);
});
