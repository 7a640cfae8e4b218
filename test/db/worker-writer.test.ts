/** The store with its writer in a worker thread, as in the server. */
import { existsSync, statSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { registerUser } from '../../src/accounts/accounts.ts';
import { createChat } from '../../src/chats/chats.ts';
import { readConfig } from '../../src/config.ts';
import { type CachedQuery, dependsOn } from '../../src/db/cache/cached-query.ts';
import { openStore } from '../../src/db/open.ts';
import { doNothing, type Mutations } from '../../src/db/writer/store-mutations.ts';
import { findChat } from '../../src/members/queries.ts';
import { postMessage } from '../../src/messages/messages.ts';
import { mutations } from '../../src/mutations.ts';
import { execute, query } from '../helpers/rows.ts';
import { inject } from '../helpers/strace.ts';
import { without } from '../helpers/tools.ts';
import { tempFolder } from '../helpers/world.ts';

const { quotas } = readConfig({});
const url = new URL('../../src/writer.ts', import.meta.url);

/** A store on a new file, with a user and a chat. */
async function startThread(
  t: Test,
  registered: Mutations = mutations,
  program = url,
  place?: string,
) {
  const file = place ?? join(await tempFolder(t), 'snug.db');
  const db = openStore(file, { program: { url: program, mutations: registered } });
  t.teardown(() => db.close());
  const session = { tokenHash: Buffer.alloc(32, 1), device: 'curl', network: '192.0.2.7' };
  const alice = { name: 'alice', email: 'alice@example.org', passwordHash: 'x', session };
  const setup = { isLocal: true };
  const { id: userId } = await db.write(registerUser, { ...alice, mode: 'open', setup });
  const hike = { title: 'Sunday hike', isOpen: false, quotas };
  const chatId = await db.write(createChat, { userId, ...hike });
  const post = (content: string, to = chatId) =>
    db.write(postMessage, { userId, chatId: to, content });
  return { db, file, userId, chatId, post };
}

const textsIn = (file: string) =>
  query(file, 'select content from messages order by id').map(({ content }) => content);

t.test('in a batch, failed mutations leave nothing and report why, as in-process', async (t) => {
  const { db, file, chatId, post } = await startThread(t);
  const published: unknown[] = [];
  db.onCommit((events, origin) => published.push([origin, events.map(({ type }) => type)]));
  const results = await Promise.allSettled([
    post('one'),
    post('two', 999),
    post(null as unknown as string),
    post('three'),
  ]);
  t.match(results, [
    { status: 'fulfilled', value: { chatId } },
    { status: 'rejected', reason: { name: 'Refusal', code: 'no_chat', status: 404 } },
    { status: 'rejected', reason: Error },
    { status: 'fulfilled', value: { chatId } },
  ]);
  t.match(String((results[2] as PromiseRejectedResult).reason.stack), 'messages.ts');
  t.strictSame(published, [['local', ['message', 'message']]]);
  t.strictSame(textsIn(file), ['one', 'three']);
});

t.test('a mutation that the worker does not know is refused by its name', async (t) => {
  const { postMessage: _, ...others } = mutations;
  const { post, file } = await startThread(t, others);
  await t.rejects(post('one'), { message: "postMessage is not one of the writer's mutations" });
  t.strictSame(textsIn(file), []);
});

t.test('local commits keep the cache, and external ones clear it', async (t) => {
  const { db, file, chatId, post } = await startThread(t);
  const title: CachedQuery<{ id: number }, { title: string | undefined }> = {
    key: ({ id }) => `title ${id}`,
    read: async (snapshot, { id }) => {
      const value = { title: (await findChat(snapshot, { id }))?.title };
      return { value, invalidatedBy: dependsOn(['chat'], { chatId: id }), bytes: 100 };
    },
  };
  const read = async () => db.cached(title, { id: chatId });
  const cached = await read();
  await post('one');
  await new Promise(setImmediate);
  t.equal(await read(), cached, 'the same object');
  execute(file, 'update chats set title = ?', 'Monday hike');
  execute(file, "insert into events (type, at, chat_id) values ('chat', 0, ?)", chatId);
  await new Promise(setImmediate);
  t.strictSame(await read(), { title: 'Monday hike' });
  const commits: unknown[] = [];
  db.onCommit((events, origin) => commits.push([origin, events.map(({ type }) => type)]));
  await db.catchUp();
  t.strictSame(commits, [
    ['external', ['chat']],
    ['local', []],
  ]);
});

t.test(
  'readers do not wait while the writer waits for the disk',
  { skip: without('strace') },
  async (t) => {
    const { db, chatId, post } = await startThread(t);
    const wait = 1_000;
    const injection = await inject(t, process.pid, 'fsync,fdatasync', `delay_exit=${wait * 1_000}`);
    const order: string[] = [];
    const startedAt = performance.now();
    const write = post('slow').then(() => order.push('written'));
    while (performance.now() - startedAt < wait / 2) {
      t.match(await db.read(findChat, { id: chatId }), { lastMessage: null });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    order.push('read');
    await write;
    t.strictSame(order, ['read', 'written']);
    t.match(await db.read(findChat, { id: chatId }), { lastMessage: 'slow' });
    await injection.end();
  },
);

/** The size of the WAL above which it is checkpointed, in bytes. */
const walLimit = 4_000 * 4_096;

/** Posts until a checkpoint is due, with as many posts at once as share a commit. */
async function fillWal(file: string, post: (content: string) => Promise<unknown>): Promise<void> {
  while (statSync(`${file}-wal`).size < walLimit) {
    await Promise.all(Array.from({ length: 50 }, () => post('x'.repeat(20_000))));
  }
}

t.test('nobody waits during a checkpoint', { skip: without('strace') }, async (t) => {
  const { db, file, post } = await startThread(t);
  const wait = 1_000;
  const delay = `delay_exit=${wait * 1_000}`;
  const injection = await inject(t, process.pid, 'fsync,fdatasync', delay, file);
  await fillWal(file, post);
  const startedAt = performance.now();
  await post('meanwhile');
  t.ok(performance.now() - startedAt < wait / 2);
  await db.checkpoint();
  t.ok(performance.now() - startedAt > wait / 2, 'the checkpoint was running');
  await injection.end();
});

t.test('the WAL stays short, and a checkpoint does not count as an external write', async (t) => {
  const { db, file, post } = await startThread(t);
  const origins = new Set<string>();
  db.onCommit((_, origin) => origins.add(origin));
  await fillWal(file, post);
  // Waits for the checkpointing thread, which starts slowly when it is not built.
  await db.checkpoint();
  for (let i = 0; i < 8; i++) {
    await Promise.all(Array.from({ length: 500 }, () => post('x'.repeat(20_000))));
  }
  const { size } = statSync(`${file}-wal`);
  t.ok(size < 3 * walLimit, `${size} bytes`);
  t.strictSame([...origins], ['local']);
  await db.close();
  t.notOk(existsSync(`${file}-wal`));
  t.equal(textsIn(file).length % 50, 0);
});

/** A module for the worker: the program's own, after some lines that change it. */
async function programOf(t: Test, lines: string): Promise<URL> {
  const file = join(await tempFolder(t), 'writer.mjs');
  const source = `
    import { existsSync } from 'node:fs';
    import { threadName, workerData } from 'node:worker_threads';
    ${lines}
    await import(${JSON.stringify(url.href)});
  `;
  await writeFile(file, source);
  return pathToFileURL(file);
}

t.test('a worker that ends after its start is treated as a disk failure', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const lines =
    'const go = setInterval(() => { if (existsSync(workerData.file + ".end")) throw new Error("no memory"); }, 10)';
  // Never closed: the test is about that.
  const db = openStore(file, { program: { url: await programOf(t, lines), mutations: mutations } });
  const failed = new Promise((resolve) => db.onFailure(resolve));
  await db.ready();
  await writeFile(`${file}.end`, '');
  const write = async () => {
    for (;;) await db.write(doNothing, {});
  };
  await t.rejects(write(), { name: 'Refusal', code: 'storage_failed' });
  t.match(await failed, { message: 'the writer has ended: no memory' });
  await t.rejects(db.read(findChat, { id: 1 }), { code: 'storage_failed' });
});

t.test(
  'a worker that cannot start is no disk failure, and the next write tries again',
  async (t) => {
    const file = join(await tempFolder(t), 'snug.db');
    const lines = 'if (!existsSync(workerData.file + ".go")) throw new Error("EMFILE");';
    const db = openStore(file, {
      program: { url: await programOf(t, lines), mutations: mutations },
    });
    t.teardown(() => db.close());
    db.onFailure(() => t.fail('the disk has not failed'));
    await t.rejects(db.ready(), { name: 'WriterNotStarted', message: /EMFILE/ });
    await t.rejects(db.write(doNothing, {}), { name: 'Refusal', code: 'busy', status: 503 });
    t.equal(await db.read(findChat, { id: 1 }), undefined, 'reads continue');
    await writeFile(`${file}.go`, '');
    await db.write(doNothing, {});
    await db.ready();
  },
);

t.test('without the checkpointing thread, the writing thread checkpoints', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const lines = 'if (threadName === "log") throw new Error("EMFILE");';
  const { db, post } = await startThread(t, mutations, await programOf(t, lines), file);
  db.onFailure(() => t.fail('the disk has not failed'));
  await fillWal(file, post);
  // Waits for the end of the checkpoint.
  await db.checkpoint();
  for (let i = 0; i < 4; i++) {
    await Promise.all(Array.from({ length: 500 }, () => post('x'.repeat(20_000))));
  }
  const { size } = statSync(`${file}-wal`);
  t.ok(size < 3 * walLimit, `${size} bytes`);
});

t.test('a file that is gone before the worker opens it counts as displaced', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const lines = 'while (!existsSync(workerData.file + ".go"));';
  const db = openStore(file, { program: { url: await programOf(t, lines), mutations: mutations } });
  const failed = new Promise((resolve) => db.onFailure(resolve));
  const write = db.write(doNothing, {});
  await rename(file, `${file}.go`);
  await t.rejects(write, { code: 'storage_failed' });
  t.match(await failed, { code: 'SNUG_DISPLACED' });
});

t.test('close waits for the worker, which checkpoints the WAL', async (t) => {
  const { db, file, post } = await startThread(t);
  const posts = Array.from({ length: 300 }, (_, i) => post(String(i)));
  await db.close();
  t.equal((await Promise.all(posts)).length, 300);
  t.notOk(existsSync(`${file}-wal`));
  t.equal(textsIn(file).length, 300);
});
