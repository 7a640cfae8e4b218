/** How the store handles a failing disk, a full one, a damaged file, and moved or deleted files. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { sql } from 'drizzle-orm';
import t, { type Test } from 'tap';
import { DamageCheck } from '../../src/db/file/damage.ts';
import { openStore } from '../../src/db/open.ts';
import type { Orm } from '../../src/db/query/orm.ts';
import type { Store } from '../../src/db/store.ts';
import type { Mutation } from '../../src/db/unit-of-work.ts';
import { appendEvent } from '../../src/event-log/log.ts';
import { done, refused } from '../helpers/answers.ts';
import { outside, startStore } from '../helpers/database.ts';
import { query } from '../helpers/rows.ts';
import { RemotePerson, type ServerProcess, spawnSnug, startServer } from '../helpers/server.ts';
import { inject } from '../helpers/strace.ts';
import { mountless, smallDisk, without } from '../helpers/tools.ts';
import { openWorld, startCast, tempFolder, type World } from '../helpers/world.ts';

const failed = 'The server can no longer use its disk and is shutting down. Try again in a moment.';
const full = 'The server cannot store anything at the moment. Try again later.';
const readOnly = 'The server is read-only at the moment. Try again later.';
const damaged = 'The data of this server is damaged. Restore a backup.';

/** The simplest mutation: stores a number in the event log. */
const note: Mutation<number, number> = (unit, number) =>
  appendEvent(unit, { type: 'message', messageId: number });

/** alice, signed in, and a chat of hers with one message. */
async function startTalk(t: Test, file: string, wrapper: readonly string[] = []) {
  const server = await startServer(t, file, { wrapper });
  const settled = Date.now() + 5_000;
  const alice = await new RemotePerson(server.url).register('alice');
  const made = await alice.send('POST', '/api/chats', { title: 'Sunday hike' });
  const chat = String(made.headers.get('location'));
  const post = (content: string) => alice.send('POST', chat, { content });
  // The first maintenance truncates the WAL a second after the start; the next is minutes away.
  // On a slow machine it ends before anything is written, and the WAL stays empty.
  while (statSync(`${file}-wal`).size > 0 && Date.now() < settled) await sleep(20);
  await post('first');
  return { server, post, alice, chat };
}

/** Asserts that the server has ended because of its disk, and has not closed the file. */
async function endsByItself(t: Test, { exited, output }: ServerProcess, file: string) {
  t.equal(await exited, 1);
  t.match(output(), /"level":60.*"code":"SQLITE_IOERR_\w+".*exiting at once/);
  t.ok(statSync(`${file}-wal`).size > 0, 'closing would have truncated the WAL');
}

/** The texts of all messages, in order. */
const textsIn = (sqlite: Database.Database) =>
  sqlite.prepare('select content from messages order by id').pluck().all();

/** Asserts that the next start finds these messages, and a sound file with an empty WAL. */
async function recovers(t: Test, file: string, texts: readonly string[]): Promise<void> {
  const server = await startServer(t, file);
  const sqlite = outside(t, file);
  t.strictSame(textsIn(sqlite).slice(0, texts.length), texts);
  t.equal(sqlite.pragma('integrity_check', { simple: true }), 'ok');
  t.equal(statSync(`${file}-wal`).size, 0, 'nothing builds on a WAL that may not be on the disk');
  t.equal(await server.end('SIGTERM'), 0);
}

t.test('a tool that is installed but does not work fails its tests', async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'strace'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const path = process.env.PATH;
  process.env.PATH = folder;
  t.teardown(() => (process.env.PATH = path));
  t.equal(without('strace'), false, 'the test is not skipped');
  t.equal(without('strace', 'nothing-such'), 'nothing-such: not installed');
  await t.rejects(inject(t, process.pid, 'fsync', 'error=EIO'), 'strace could not attach');
});

for (const [calls, name] of [
  ['fsync,fdatasync', 'an fsync that fails'],
  ['pwrite64', 'a write that fails'],
] as const) {
  t.test(
    `${name} ends the server at once, and is not retried`,
    { skip: without('strace') },
    async (t) => {
      const file = join(await tempFolder(t), 'snug.db');
      const { server, post } = await startTalk(t, file);
      const injection = await inject(t, server.child.pid, calls, 'error=EIO');
      const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => post(`lost ${i}`)));
      for (const answer of answers) {
        t.strictSame([answer.status, await answer.json()], [503, { error: failed }]);
      }
      await endsByItself(t, server, file);
      await injection.end();
      const tried = injection.calls().filter((call) => call.includes(file));
      t.equal(tried.length, 1, 'only one call was made, and it failed');
      await recovers(t, file, ['first']);
    },
  );
}

t.test('a limit on the size of files is treated as a disk failure', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const { server, post } = await startTalk(t, file, [
    'bash',
    '-c',
    'ulimit -f 600; exec "$@"',
    '-',
  ]);
  const acknowledged = ['first'];
  let answer = await post('0');
  while (answer.status === 201) {
    acknowledged.push(String(acknowledged.length - 1));
    answer = await post(String(acknowledged.length - 1));
  }
  t.strictSame([answer.status, await answer.json()], [503, { error: failed }]);
  await endsByItself(t, server, file);
  await recovers(t, file, acknowledged);
});

t.test(
  'a failed checkpoint ends the store, and is not retried',
  { skip: without('strace') },
  async (t) => {
    const file = join(await tempFolder(t), 'snug.db');
    // Never closed: the test is about that.
    const db = openStore(file);
    const failures: unknown[] = [];
    db.onFailure((error) => failures.push(error));
    await db.write(note, 1);
    const injection = await inject(t, process.pid, 'fsync,fdatasync', 'error=EIO');
    await t.rejects(db.checkpoint(), { code: 'storage_failed' });
    await t.rejects(db.write(note, 2), { code: 'storage_failed' });
    await t.rejects(
      db.read(async () => 1, {}),
      { code: 'storage_failed' },
    );
    await db.checkpoint();
    await t.rejects(db.close(), { message: 'the disk has failed: the file is left as it is' });
    await injection.end();
    t.equal(injection.calls().length, 1);
    t.match(failures, [{ code: 'SQLITE_IOERR_FSYNC' }]);
    t.equal(failures.length, 1);
  },
);

/** Writes enough at once to trigger a checkpoint. */
const fillWal: Mutation<unknown, void> = async ({ orm }) => {
  orm.run(sql`create table padding as select zeroblob(17000000) as data`);
};

t.test(
  'a checkpoint that fails after a write ends the store, and is not retried',
  { skip: without('strace') },
  async (t) => {
    const file = join(await tempFolder(t), 'snug.db');
    // Never closed: the test is about that.
    const db = openStore(file);
    const failure = new Promise((resolve) => db.onFailure(resolve));
    const injection = await inject(t, process.pid, 'fsync,fdatasync', 'error=EIO', file);
    await db.write(fillWal, {});
    t.match(await failure, { code: 'SQLITE_IOERR_FSYNC' });
    await t.rejects(db.write(note, 2), { code: 'storage_failed' });
    await injection.end();
    t.equal(injection.calls().length, 1);
    const found = query(file, 'select length(data) as bytes from padding');
    t.strictSame(found, [{ bytes: 17_000_000 }], 'the acknowledged write is in the WAL');
  },
);

t.test(
  'after a failed checkpoint, no waiting write is tried',
  { skip: without('strace') },
  async (t) => {
    const file = join(await tempFolder(t), 'snug.db');
    // Never closed: the test is about that.
    const db = openStore(file);
    const injection = await inject(t, process.pid, 'fsync,fdatasync', 'error=EIO', file);
    const first = db.write(fillWal, {});
    const others = Array.from({ length: 600 }, (_, i) => db.write(note, i));
    await t.resolves(first);
    const outcomes = await Promise.allSettled(others);
    const stored = outcomes.filter(({ status }) => status === 'fulfilled').length;
    t.equal(stored, 255, 'those of the same batch are in the WAL');
    t.match(
      outcomes.slice(stored),
      Array(600 - stored).fill({ reason: { code: 'storage_failed' } }),
    );
    await injection.end();
    t.equal(injection.calls().length, 1);
    t.strictSame(query(file, 'select count(*) as notes from events'), [{ notes: stored }]);
  },
);

t.test(
  'a failed checkpoint ends the server at once, and loses nothing that was acknowledged',
  { skip: without('strace') },
  async (t) => {
    const file = join(await tempFolder(t), 'snug.db');
    const { server, post } = await startTalk(t, file);
    const injection = await inject(t, server.child.pid, 'fsync,fdatasync', 'error=EIO', file);
    const acknowledged: string[] = [];
    const postUntilTheEnd = async (writer: number) => {
      for (let i = 0; ; i++) {
        const text = `${writer} ${i} ${'x'.repeat(3_900)}`;
        const answer = await post(text).catch(() => undefined);
        if (answer?.status !== 201) return;
        acknowledged.push(text);
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, writer) => postUntilTheEnd(writer)));
    await endsByItself(t, server, file);
    await injection.end();
    t.equal(injection.calls().length, 1, 'it is not retried');
    await recovers(t, file, ['first']);
    const found = new Set(textsIn(outside(t, file)));
    t.strictSame(
      acknowledged.filter((text) => !found.has(text)),
      [],
    );
  },
);

t.test(
  'after a disk failure, no waiting write is tried',
  { skip: without('strace') },
  async (t) => {
    const db = openStore(join(await tempFolder(t), 'snug.db'));
    const injection = await inject(t, process.pid, 'fsync,fdatasync', 'error=EIO');
    const writes = Array.from({ length: 600 }, (_, i) => db.write(note, i));
    const outcomes = await Promise.allSettled(writes);
    t.notOk(outcomes.some(({ status }) => status === 'fulfilled'));
    await injection.end();
    t.equal(injection.calls().length, 1);
  },
);

/** Posts until a post is refused; returns that answer and the acknowledged texts. */
async function postUntilRefused({ register }: World) {
  const alice = await register('alice');
  const chat = await alice.createChat('Sunday hike');
  const post = (content: string) => alice.post(chat, { content });
  const texts: string[] = [];
  for (let i = 0; ; i++) {
    const answer = await post(`${i} `.repeat(500));
    if (answer.status !== 201) return { alice, chat, post, answer, texts };
    texts.push(`${i} `.repeat(500));
  }
}

t.test(
  'a full disk refuses only writes, and health reports it until there is room',
  { skip: mountless },
  async (t) => {
    const folder = await smallDisk(t, 4 * 1024 * 1024);
    const file = join(folder, 'snug.db');
    const ballast = join(folder, 'ballast');
    await writeFile(ballast, Buffer.alloc(2 * 1024 * 1024));
    const world = await openWorld(t, file);
    const { alice, chat, post, answer, texts } = await postUntilRefused(world);
    refused(t, answer, 503, full);
    const healthz = () => world.nobody().get('/healthz');
    refused(t, await healthz(), 503, full);
    t.equal((await alice.get(chat)).body.messages.at(-1).content, texts.at(-1), 'reads continue');
    refused(t, await healthz(), 503, full, 'still');
    t.ok(texts.length > 10);
    rmSync(ballast);
    done(t, await healthz());
    done(t, await post('room again'), 201);
    const sqlite = outside(t, file);
    t.strictSame(textsIn(sqlite), [...texts, 'room again'], 'and nothing half-written');
    t.equal(sqlite.pragma('integrity_check', { simple: true }), 'ok');
    sqlite.close();
  },
);

t.test('an exhausted quota is treated as a full disk', { skip: without('strace') }, async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const { server, post } = await startTalk(t, file);
  const injection = await inject(t, server.child.pid, 'pwrite64', 'error=EDQUOT');
  for (let i = 0; i < 2; i++) {
    const answer = await post('too much');
    t.strictSame([answer.status, await answer.json()], [503, { error: full }]);
    t.equal((await fetch(`${server.url}/healthz`)).status, 503);
  }
  await injection.end();
  t.equal((await fetch(`${server.url}/healthz`)).status, 200);
  t.equal((await post('room again')).status, 201);
  t.strictSame(textsIn(outside(t, file)), ['first', 'room again']);
  await server.end('SIGKILL');

  const wrapper = ['strace', '-D', '-f', '-o', '/dev/null', '-e', 'inject=pwrite64:error=EDQUOT'];
  const next = await startServer(t, file, { wrapper });
  t.equal((await fetch(`${next.url}/healthz`)).status, 503, 'at a start too');
  t.match(next.output(), 'the disk is full');
  await next.end('SIGKILL');
  await recovers(t, file, ['first', 'room again']);
});

/** Makes the writing connection read-only; returns a function that undoes it. */
async function forbidWriting(db: Store): Promise<() => unknown> {
  let orm: Orm | undefined;
  await db.write(async (unit) => {
    orm = unit.orm;
    orm.run(sql`pragma query_only = 1`);
  }, {});
  return () => orm?.run(sql`pragma query_only = 0`);
}

t.test('a read-only file refuses only writes, and health reports it', async (t) => {
  const { db, alice, chat, nobody } = await startCast(t);
  const allow = await forbidWriting(db);
  refused(t, await alice.post(chat, { content: 'Hi' }), 503, readOnly);
  refused(t, await nobody().get('/healthz'), 503, readOnly);
  t.strictSame((await alice.get(chat)).body, { messages: [] });
  allow();
  done(t, await nobody().get('/healthz'));
  done(t, await alice.post(chat, { content: 'Hi' }), 201);
});

t.test('damage is reported, and affects only what is damaged', async (t) => {
  const { alice, chat, db, file, app } = await startCast(t);
  await alice.send(chat, 'Shall we meet at nine?');
  await app.close();
  await db.close();
  const page = query(file, "select rootpage from sqlite_schema where name = 'messages'")[0]
    ?.rootpage;
  const bytes = readFileSync(file);
  bytes.fill(0xff, (Number(page) - 1) * 4096, Number(page) * 4096);
  await writeFile(file, bytes);

  const world = await openWorld(t, file);
  const again = Object.assign(world.nobody(), { cookies: alice.cookies });
  done(t, await world.nobody().get('/healthz'));
  refused(t, await again.get(chat), 500);
  refused(t, await again.post(chat, { content: 'Hi' }), 500);
  for (let i = 0; i < 2; i++) refused(t, await world.nobody().get('/healthz'), 503, damaged);
  t.equal((await again.get('/api/chats')).body.chats.length, 1, 'everything else works');
  done(t, await again.put(chat, { title: 'Monday hike' }));
  refused(t, await world.nobody().get('/healthz'), 503, damaged, 'permanently');
});

t.test('a read error that does not recur is forgotten', { skip: without('strace') }, async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const { server, post, alice, chat } = await startTalk(t, file);
  // More than the system would keep in memory.
  for (let i = 0; i < 60; i++) await post(`${i} `.repeat(1_000).slice(0, 4_000));
  await server.end('SIGTERM');
  const next = await startServer(t, file);
  const again = Object.assign(new RemotePerson(next.url), { cookie: alice.cookie });
  const healthz = async () => (await fetch(`${next.url}/healthz`)).status;
  const injection = await inject(t, next.child.pid, 'pread64', 'error=EIO:when=1', file);
  const statuses: number[] = [];
  for (let i = 0; i < 5; i++) statuses.push((await again.get(`${chat}?limit=200`)).status);
  t.ok(statuses.includes(500), `one read fails: ${statuses}`);
  t.equal(statuses.at(-1), 200);
  await injection.end();
  t.equal(await healthz(), 200, 'health has read the file again');
  t.equal((await again.get(chat)).status, 200);
  t.equal(await next.end('SIGTERM'), 0);
});

t.test('a file counts as damaged only after a second read, and not for ever', async (t) => {
  let isSound = false;
  let inspections = 0;
  const clock = { now: 0 };
  const inspect = async () => {
    inspections++;
    return isSound;
  };
  const verdict = new DamageCheck(inspect, () => clock.now);
  t.equal(await verdict.isDamaged(), false);
  t.equal(inspections, 0, 'no inspection without a reason');
  verdict.suspect();
  t.equal(await verdict.isDamaged(), true);
  t.equal(await verdict.isDamaged(), true);
  t.equal(inspections, 1, 'not at each request');
  isSound = true;
  clock.now += 600_000;
  t.equal(await verdict.isDamaged(), false);
  verdict.suspect();
  t.equal(await verdict.isDamaged(), false);
  t.equal(inspections, 3);
});

/** Ways to displace the files of a running server, and where its database is then. */
const displacements: Record<string, (file: string) => string> = {
  'the database is moved': (file) => {
    renameSync(file, `${file}.moved`);
    return `${file}.moved`;
  },
  'the folder is moved': (file) => {
    const folder = `${dirname(file)}-moved`;
    renameSync(dirname(file), folder);
    return join(folder, basename(file));
  },
  'another file takes its place': (file) => {
    linkSync(file, `${file}.old`);
    writeFileSync(`${file}.new`, 'x');
    renameSync(`${file}.new`, file);
    return `${file}.old`;
  },
  'the WAL is deleted': (file) => {
    rmSync(`${file}-wal`);
    return file;
  },
  'the lock is deleted': (file) => {
    rmSync(`${file}.lock`);
    return file;
  },
};

for (const [name, displace] of Object.entries(displacements)) {
  t.test(`${name}: no write is acknowledged and lost`, async (t) => {
    const file = join(await tempFolder(t), 'data', 'snug.db');
    const db = openStore(file);
    const failed = new Promise((resolve) => db.onFailure(resolve));
    await db.write(note, 1);
    const now = displace(file);
    await t.rejects(db.write(note, 2), { code: 'storage_failed' });
    t.match(await failed, { message: /^\/.*snug\.db\S* was moved, deleted or replaced$/ });
    const sqlite = new Database(now, { readonly: true });
    t.strictSame(sqlite.prepare('select message_id from events').pluck().all(), [1]);
    sqlite.close();
  });
}

t.test('a server whose file is gone ends, and the next one creates no empty file', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const { server, post } = await startTalk(t, file);
  rmSync(file);
  const answer = await post('into nowhere');
  t.strictSame([answer.status, await answer.json()], [503, { error: failed }]);
  t.equal(await server.exited, 1);
  t.match(server.output(), /"level":60.*was moved, deleted or replaced/);
  const next = spawnSnug(t, { env: { DATABASE_URL: file } });
  t.equal(await next.exited, 1);
  t.equal(
    next.errors(),
    `snug: ${file} is gone. Put it back, or restore a backup. To start over, delete ${file}.lock.\n`,
  );
  t.notOk(existsSync(file));
});

/** The files of a store as a crash leaves them, with 1 only in the WAL; returns the database. */
async function crashed(t: Test): Promise<string> {
  const { db, file } = await startStore(t);
  await db.write(note, 1);
  const folder = await tempFolder(t);
  for (const name of ['', '-wal', '-shm']) cpSync(`${file}${name}`, join(folder, `snug.db${name}`));
  return join(folder, 'snug.db');
}

/** The numbers that a store finds in this file at its start. */
async function numbersAfterStart(t: Test, file: string): Promise<unknown[]> {
  const db = openStore(file);
  t.equal(statSync(`${file}-wal`).size, 0, 'the WAL was checkpointed first');
  const sqlite = outside(t, file);
  const numbers = sqlite.prepare('select message_id from events').pluck().all();
  t.equal(sqlite.pragma('integrity_check', { simple: true }), 'ok');
  sqlite.close();
  await db.close();
  return numbers;
}

t.test('after a crash the WAL is used, whatever lies next to it', async (t) => {
  t.strictSame(await numbersAfterStart(t, await crashed(t)), [1]);
  const index = await crashed(t);
  await writeFile(`${index}-shm`, randomBytes(32 * 1024));
  t.strictSame(await numbersAfterStart(t, index), [1], 'a -shm of noise is rebuilt');
  const torn = await crashed(t);
  truncateSync(`${torn}-wal`, statSync(`${torn}-wal`).size - 1);
  t.strictSame(await numbersAfterStart(t, torn), [], 'the incomplete write is not there');
  const noise = await crashed(t);
  await writeFile(`${noise}-wal`, randomBytes(64 * 1024));
  t.strictSame(await numbersAfterStart(t, noise), [], 'an invalid WAL is ignored');
});

t.test('a long read lets the WAL grow, but only while it lasts', async (t) => {
  const { db, file } = await startStore(t);
  const size = () => statSync(`${file}-wal`).size;
  const reader = outside(t, file);
  reader.exec('begin');
  reader.prepare('select count(*) from events').get();
  for (let i = 0; i < 1_500; i++) await db.write(note, i);
  t.ok(size() > 1_500 * 4096, 'the pages that it reads stay in the WAL');
  await t.rejects(
    db.checkpoint(),
    /another process is reading it/,
    'the failed checkpoint is reported',
  );
  reader.exec('commit');
  await db.checkpoint();
  t.equal(size(), 0);
});

t.test('a failing commit listener fails no write', async (t) => {
  const { db } = await startStore(t);
  let commits = 0;
  db.onCommit(() => {
    if (commits++ === 0) throw new Error('a listener fails');
  });
  const thrown = once(process, 'unhandledRejection');
  const writes = Array.from({ length: 300 }, (_, i) => db.write(note, i));
  t.equal((await Promise.all(writes)).length, 300, 'those of the next batch too');
  t.match(await thrown, [{ message: 'a listener fails' }], 'the error would end the server');
  await db.write(note, 300);
  t.equal(commits, 3);
});
