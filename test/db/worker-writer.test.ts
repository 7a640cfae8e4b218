/** The store with its writer in a thread of its own, as the server has it. */
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

/** A store on a fresh file, and a user with a chat in it. */
async function startThread(t: Test, known: Mutations = mutations, program = url, place?: string) {
  const file = place ?? join(await tempFolder(t), 'snug.db');
  const db = openStore(file, { program: { url: program, mutations: known } });
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

t.test('of a batch, what fails leaves nothing and says why, as in this thread', async (t) => {
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

t.test('a command that the thread does not know is refused by its name', async (t) => {
  const { postMessage: _, ...others } = mutations;
  const { post, file } = await startThread(t, others);
  await t.rejects(post('one'), { message: "postMessage is not one of the writer's mutations" });
  t.strictSame(textsIn(file), []);
});

t.test('what is kept stays through our own commits, and not through those of others', async (t) => {
  const { db, file, chatId, post } = await startThread(t);
  const title: CachedQuery<{ id: number }, { title: string | undefined }> = {
    key: ({ id }) => `title ${id}`,
    read: async (snapshot, { id }) => {
      const value = { title: (await findChat(snapshot, { id }))?.title };
      return { value, invalidatedBy: dependsOn(['chat'], { chatId: id }), bytes: 100 };
    },
  };
  const read = async () => db.cached(title, { id: chatId });
  const kept = await read();
  await post('one');
  await new Promise(setImmediate);
  t.equal(await read(), kept, 'the very same');
  execute(file, 'update chats set title = ?', 'Monday hike');
  execute(file, "insert into events (type, at, chat_id) values ('chat', 0, ?)", chatId);
  await new Promise(setImmediate);
  t.strictSame(await read(), { title: 'Monday hike' });
  const told: unknown[] = [];
  db.onCommit((events, origin) => told.push([origin, events.map(({ type }) => type)]));
  await db.catchUp();
  t.strictSame(told, [
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
    const began = performance.now();
    const write = post('slow').then(() => order.push('written'));
    while (performance.now() - began < wait / 2) {
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

/** The size of the log from which on it is moved into the file, in bytes. */
const longLog = 4_000 * 4_096;

/** Posts until the log is to be moved, as many at once as share a commit. */
async function fillLog(file: string, post: (content: string) => Promise<unknown>): Promise<void> {
  while (statSync(`${file}-wal`).size < longLog) {
    await Promise.all(Array.from({ length: 50 }, () => post('x'.repeat(20_000))));
  }
}

t.test('nobody waits while the log is moved', { skip: without('strace') }, async (t) => {
  const { db, file, post } = await startThread(t);
  const wait = 1_000;
  const delay = `delay_exit=${wait * 1_000}`;
  const injection = await inject(t, process.pid, 'fsync,fdatasync', delay, file);
  await fillLog(file, post);
  const began = performance.now();
  await post('meanwhile');
  t.ok(performance.now() - began < wait / 2);
  await db.checkpoint();
  t.ok(performance.now() - began > wait / 2, 'it was being moved');
  await injection.end();
});

t.test('the log stays short, and nobody takes its moving for the work of others', async (t) => {
  const { db, file, post } = await startThread(t);
  const origins = new Set<string>();
  db.onCommit((_, origin) => origins.add(origin));
  await fillLog(file, post);
  // Waits for what moves the log, which takes long to start when it is not built.
  await db.checkpoint();
  for (let i = 0; i < 8; i++) {
    await Promise.all(Array.from({ length: 500 }, () => post('x'.repeat(20_000))));
  }
  const { size } = statSync(`${file}-wal`);
  t.ok(size < 3 * longLog, `${size} bytes`);
  t.strictSame([...origins], ['local']);
  await db.close();
  t.notOk(existsSync(`${file}-wal`));
  t.equal(textsIn(file).length % 50, 0);
});

/** A module for the thread: the writer's own, changed by lines that run before it. */
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

t.test('a thread that ends after it has started is as a disk that has failed', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const lines =
    'const go = setInterval(() => { if (existsSync(workerData.file + ".end")) throw new Error("no memory"); }, 10)';
  // Never closed: that is what it is about.
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
  'a thread that cannot start is no failed disk, and the next write tries again',
  async (t) => {
    const file = join(await tempFolder(t), 'snug.db');
    const lines = 'if (!existsSync(workerData.file + ".go")) throw new Error("EMFILE");';
    const db = openStore(file, {
      program: { url: await programOf(t, lines), mutations: mutations },
    });
    t.teardown(() => db.close());
    db.onFailure(() => t.fail('the disk is well'));
    await t.rejects(db.ready(), { name: 'WriterNotStarted', message: /EMFILE/ });
    await t.rejects(db.write(doNothing, {}), { name: 'Refusal', code: 'busy', status: 503 });
    t.equal(await db.read(findChat, { id: 1 }), undefined, 'reads go on');
    await writeFile(`${file}.go`, '');
    await db.write(doNothing, {});
    await db.ready();
  },
);

t.test('without its second thread, the first one moves the log', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const lines = 'if (threadName === "log") throw new Error("EMFILE");';
  const { db, post } = await startThread(t, mutations, await programOf(t, lines), file);
  db.onFailure(() => t.fail('the disk is well'));
  await fillLog(file, post);
  // Waits until the log was moved.
  await db.checkpoint();
  for (let i = 0; i < 4; i++) {
    await Promise.all(Array.from({ length: 500 }, () => post('x'.repeat(20_000))));
  }
  const { size } = statSync(`${file}-wal`);
  t.ok(size < 3 * longLog, `${size} bytes`);
});

t.test('a file that is gone before the thread opens it is what it is', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const lines = 'while (!existsSync(workerData.file + ".go"));';
  const db = openStore(file, { program: { url: await programOf(t, lines), mutations: mutations } });
  const failed = new Promise((resolve) => db.onFailure(resolve));
  const write = db.write(doNothing, {});
  await rename(file, `${file}.go`);
  await t.rejects(write, { code: 'storage_failed' });
  t.match(await failed, { code: 'SNUG_DISPLACED' });
});

t.test('close waits for the thread, which takes the log along', async (t) => {
  const { db, file, post } = await startThread(t);
  const posts = Array.from({ length: 300 }, (_, i) => post(String(i)));
  await db.close();
  t.equal((await Promise.all(posts)).length, 300);
  t.notOk(existsSync(`${file}-wal`));
  t.equal(textsIn(file).length, 300);
});
