import { existsSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { asc, max, sql } from 'drizzle-orm';
import t from 'tap';
import { openStore } from '../../src/db/open.ts';
import { one, type Query, rows, type Snapshot } from '../../src/db/query/query.ts';
import { chats, events } from '../../src/db/query/tables.ts';
import type { Store } from '../../src/db/store.ts';
import type { Mutation } from '../../src/db/unit-of-work.ts';
import { Refusal } from '../../src/errors.ts';
import { appendEvent } from '../../src/event-log/log.ts';
import { countCommits, gate, outside, startStore } from '../helpers/database.ts';

/** The simplest mutation: stores a number in the event log. */
const note: Mutation<number, number> = (unit, number) =>
  appendEvent(unit, { type: 'message', messageId: number });

/** Stores a number, then throws. */
const noteAndFail: Mutation<number, never> = async (unit, number) => {
  await note(unit, number);
  throw new Refusal('not_member');
};

/** Stores a number, then violates the schema. */
const noteAndBreak: Mutation<number, void> = async (unit, number) => {
  await note(unit, number);
  await unit.orm.insert(chats).values({ title: 'a secret', createdAt: 0, lastMessage: 'a secret' });
};

const noted: Query<unknown, { number: number | null }[]> = rows((orm) =>
  orm.select({ number: events.messageId }).from(events).orderBy(asc(events.id)),
);

const numbers = async (db: Store) => (await db.read(noted, {})).map(({ number }) => number);

const count = one((orm) => orm.select({ last: max(events.id) }).from(events));

/** The numbers in the file, as another connection sees them. */
function numbersIn(file: ReturnType<typeof outside>): unknown[] {
  return file.prepare('select message_id from events order by id').pluck().all();
}

const refused = (code: string) => ({ name: 'Refusal', code });

t.test('in a batch, failed mutations leave nothing and the others are stored', async (t) => {
  const { db, file } = await startStore(t);
  const published: unknown[] = [];
  db.onCommit((batch) => published.push(batch.map((event) => event.messageId)));
  const results = await Promise.allSettled([
    db.write(note, 1),
    db.write(noteAndFail, 2),
    db.write(note, 3),
    db.write(noteAndBreak, 4),
    db.write(note, 5),
  ]);
  t.match(results, [
    { status: 'fulfilled', value: 1 },
    { status: 'rejected', reason: refused('not_member') },
    { status: 'fulfilled', value: 2 },
    { status: 'rejected', reason: { code: 'SQLITE_CONSTRAINT_CHECK' } },
    { status: 'fulfilled', value: 3 },
  ]);
  t.strictSame(
    published,
    [[1, 3, 5]],
    'in order, in one commit, only of the mutations that succeeded',
  );
  t.strictSame(numbersIn(outside(t, file)), [1, 3, 5]);
  t.equal(outside(t, file).prepare('select count(*) from chats').pluck().get(), 0);
});

t.test('only a failure after a change makes the batch run again', async (t) => {
  const { db } = await startStore(t);
  let runs = 0;
  const counted: Mutation<number, number> = (unit, number) => {
    runs += 1;
    return note(unit, number);
  };
  const failAtOnce: Mutation<number, never> = async () => {
    throw new Refusal('not_member');
  };
  for (const [failing, expected] of [
    [failAtOnce, 2],
    [noteAndFail, 3],
    [noteAndBreak, 3],
  ] as const) {
    runs = 0;
    const results = await Promise.allSettled([
      db.write(counted, 1),
      db.write(failing, 2),
      db.write(counted, 3),
    ]);
    t.equal(runs, expected);
    t.strictSame(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
  }
  t.strictSame(await numbers(db), [1, 3, 1, 3, 1, 3]);
});

t.test('an error from the database contains no values, which people wrote', async (t) => {
  const { db } = await startStore(t);
  const error = await db.write(noteAndBreak, 1).catch((error: unknown) => error);
  t.match(error, { message: /^CHECK constraint failed/ });
  t.notMatch(inspect(error, { depth: 9, showHidden: true }), 'a secret');
});

t.test('mutations that arrive together share one commit', async (t) => {
  const { db, file } = await startStore(t);
  let published = 0;
  db.onCommit(() => published++);
  const before = countCommits(file);
  const many = (length: number) => Promise.all(Array.from({ length }, (_, i) => db.write(note, i)));
  await many(100);
  t.equal(countCommits(file) - before, 1);
  t.equal(published, 1);
  await many(600);
  t.equal(published, 4, 'but no batch is larger than 256');
  await db.write(note, 1);
  await db.write(note, 2);
  t.equal(published, 6, 'in sequence, they share nothing');
});

t.test('a write is visible to others before it is acknowledged, and not earlier', async (t) => {
  const { db, file } = await startStore(t);
  const other = outside(t, file);
  const { opened, open } = gate();
  const wrote = gate();
  const seen: unknown[] = [];
  db.onCommit(() => seen.push('published', ...numbersIn(other)));
  const write = db.write(async (unit, number: number) => {
    await note(unit, number);
    wrote.open();
    await opened;
  }, 7);
  const acknowledged = write.then(() => seen.push('acknowledged', ...numbersIn(other)));
  await wrote.opened;
  t.strictSame(await numbers(db), [], 'no read sees uncommitted data');
  t.strictSame(numbersIn(other), []);
  open();
  await acknowledged;
  t.strictSame(seen, ['published', 7, 'acknowledged', 7]);
  t.strictSame(await numbers(db), [7]);
});

t.test('a read sees one snapshot', async (t) => {
  const { db } = await startStore(t);
  await db.write(note, 1);
  const twice = async (snapshot: Snapshot, _: unknown) => {
    const before = await count(snapshot, {});
    await db.write(note, 2);
    return [before, await count(snapshot, {})];
  };
  t.strictSame(await db.read(twice, {}), [{ last: 1 }, { last: 1 }]);
  t.strictSame(await numbers(db), [1, 2]);
});

t.test('the reads of a turn share one snapshot, which a commit renews', async (t) => {
  const { db, file } = await startStore(t);
  const external = outside(t, file);
  const noteExternal = external.prepare(
    "insert into events (type, at, message_id) values ('read', 0, ?)",
  );
  await nextTurn();
  t.strictSame(await numbers(db), []);
  noteExternal.run(1);
  t.strictSame(await numbers(db), [], 'the same snapshot');
  await nextTurn();
  t.strictSame(await numbers(db), [1], 'a new turn');
  await Promise.all([db.write(note, 2), numbers(db)]);
  t.strictSame(await numbers(db), [1, 2], 'in the turn of a commit');
  await db.checkpoint();
  noteExternal.run(3);
  await nextTurn();
  t.equal(
    external.pragma('wal_checkpoint(truncate)', { simple: true }),
    0,
    'no snapshot is held open',
  );
});

t.test('a failed read harms no other, and no read can write', async (t) => {
  const { db } = await startStore(t);
  const insert = async ({ orm }: Snapshot, _: unknown) => {
    await orm.insert(events).values({ type: 'message', at: 0 });
  };
  const [written, failed, read] = await Promise.allSettled([
    db.read(insert, {}),
    db.read(async () => Promise.reject(new Refusal('no_chat')), {}),
    db.read(noted, {}),
  ]);
  t.match(written, { status: 'rejected', reason: { code: 'SQLITE_READONLY' } });
  t.match(failed, { status: 'rejected', reason: refused('no_chat') });
  t.strictSame(read, { status: 'fulfilled', value: [] });
});

t.test('a write beyond the queue’s limit is refused, and the queued ones are done', async (t) => {
  const { db } = await startStore(t);
  const { opened, open } = gate();
  const started = gate();
  const first = db.write(async () => {
    started.open();
    await opened;
  }, {});
  await started.opened;
  const waiting = Array.from({ length: 10_000 }, (_, i) => db.write(note, i));
  await t.rejects(db.write(note, -1), refused('busy'));
  open();
  await Promise.all([first, ...waiting]);
  t.strictSame(
    await numbers(db),
    Array.from({ length: 10_000 }, (_, i) => i),
    'in the order of their arrival',
  );
});

t.test('while another program holds the file, a write is refused at once', async (t) => {
  const { db, file } = await startStore(t);
  const other = outside(t, file);
  other.exec('begin immediate');
  await t.rejects(db.write(note, 1), refused('busy'));
  t.strictSame(await numbers(db), [], 'reads continue');
  other.exec('rollback');
  await db.write(note, 2);
  t.strictSame(await numbers(db), [2]);
});

/** Limits the file to a number of pages, as a full disk does. */
const limitPages: Mutation<number, void> = async (unit, pages) => {
  await unit.orm.all(sql.raw(`pragma max_page_count = ${pages}`));
};

const noteMuch: Mutation<number, void> = async (unit, number) => {
  for (let i = 0; i < 1000; i++) await note(unit, number);
};

t.test('on a full disk only writes fail, and they work again when there is room', async (t) => {
  const { db, file } = await startStore(t);
  await db.write(note, 1);
  await db.write(limitPages, outside(t, file).pragma('page_count', { simple: true }) as number);
  const published: unknown[] = [];
  db.onCommit((batch) => published.push(...batch));
  await t.rejects(db.write(noteMuch, 2), refused('disk_full'));
  await t.rejects(db.write(noteMuch, 3), refused('disk_full'), 'repeatedly');
  t.strictSame(published, []);
  t.strictSame(await numbers(db), [1]);
  await db.write(limitPages, 1_000_000);
  await db.write(note, 4);
  t.strictSame(await numbers(db), [1, 4]);
  t.equal(outside(t, file).pragma('integrity_check', { simple: true }), 'ok');
});

t.test('close finishes queued work, accepts nothing more, and releases the file', async (t) => {
  const { db, file } = await startStore(t);
  const writes = Promise.all(Array.from({ length: 300 }, (_, i) => db.write(note, i)));
  const read = numbers(db);
  const closed = db.close();
  await t.rejects(db.write(note, -1), refused('stopping'));
  await t.rejects(numbers(db), refused('stopping'));
  await closed;
  t.equal((await writes).length, 300);
  t.strictSame(await read, [], 'the queued read was answered');
  t.notOk(existsSync(`${file}-wal`));
  await db.close();
  const again = openStore(file);
  t.equal((await numbers(again)).length, 300);
  await again.close();
});
