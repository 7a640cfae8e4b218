import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { clearExpiredInvites } from '../../src/invites/invites.ts';
import { clockGuard, runMaintenance } from '../../src/jobs/maintenance.ts';
import { clearOldKeys } from '../../src/messages/idempotency.ts';
import { clearExpiredSessions } from '../../src/sessions/sessions.ts';
import { hurried } from '../helpers/database.ts';
import { execute, query } from '../helpers/rows.ts';
import { startCast } from '../helpers/world.ts';

t.test('a deleted text is in no file any more', async (t) => {
  const { db, file, alice, chat } = await startCast(t);
  const text = 'Nobody shall ever read this sentence again.';
  const bytes = () => [file, `${file}-wal`].map((name) => readFileSync(name, 'utf8')).join();
  const id = await alice.send(chat, text);
  t.match(bytes(), text);
  await alice.delete(`${chat}/messages/${id}`);
  t.match(bytes(), text, 'its pages are still in the WAL');
  await runMaintenance(db);
  t.notMatch(bytes(), text);
});

const hour = 3_600_000;
const year = 365 * 24 * hour;

/** A cast and its maintenance, with a wall clock that tests may set and a monotonic clock. */
async function startWithClocks(t: Test) {
  const world = await startCast(t);
  const { clock, db } = world;
  let steady = 0;
  const isTimeSure = clockGuard(
    () => clock.now,
    () => steady,
  );
  /** Moves both clocks forward, ten minutes at a time, like maintenance. */
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += hour / 6) {
      clock.now += hour / 6;
      steady += hour / 6;
      await runMaintenance(db, isTimeSure());
    }
  };
  return { ...world, pass };
}

/** The number of rows that maintenance clears by the clock, of each kind. */
function counts(file: string) {
  const count = (table: string) => query(file, `select count(*) n from ${table}`)[0]?.n;
  return ['sessions', 'invites', 'idempotency_keys', 'events'].map(count);
}

t.test('a clock that is wrong for a while deletes nothing', async (t) => {
  const { alice, bob, chat, clock, file, pass } = await startWithClocks(t);
  await alice.post(`${chat}/invites`);
  const headers = { 'idempotency-key': 'once' };
  await alice.request({ method: 'POST', url: chat, payload: { content: 'Hi' }, headers });
  await pass(2 * hour);
  const before = counts(file);
  const now = clock.now;
  for (const wrong of [now + 10 * year, now - hour, 0, now - 10 * year]) {
    clock.now = wrong;
    await pass(hour / 2);
    t.strictSame(counts(file), before, new Date(wrong).toISOString());
    t.equal((await alice.get('/api/session')).status, wrong > now ? 403 : 200);
    clock.now = now;
    t.equal((await alice.get('/api/session')).status, 200, 'none has ended');
    t.equal((await bob.get('/api/session')).status, 200);
  }
  await pass(2 * hour);
  t.strictSame(counts(file), before);
});

t.test('a server that has just started clears nothing by its clock', async (t) => {
  const { clock, file, pass } = await startWithClocks(t);
  const before = counts(file);
  clock.now += year;
  await pass(hour / 2);
  t.strictSame(counts(file), before);
  await pass(hour);
  t.equal(counts(file)[0], 0, 'once the time is certain, it does');
});

t.test('nothing is cleared while the clock shows a time before Snug existed', async (t) => {
  const { alice, clock, file, pass } = await startWithClocks(t);
  const before = query(file, 'select * from sessions');
  const now = clock.now;
  clock.now = 0;
  await pass(3 * hour);
  t.strictSame(query(file, 'select * from sessions'), before, 'nor dated back');
  clock.now = now;
  t.equal((await alice.get('/api/session')).status, 200);
});

t.test('a session made while the clock was ahead still expires', async (t) => {
  const { alice, clock, pass } = await startWithClocks(t);
  const now = clock.now;
  clock.now = now + 10 * year;
  const device = await alice.otherDevice();
  clock.now = now;
  t.equal((await device.get('/api/session')).status, 200);
  await pass(2 * hour);
  clock.now += 31 * 24 * hour;
  t.equal((await device.get('/api/session')).status, 403);
});

t.test('expired rows are cleared in portions', async (t) => {
  const { alice, clock, db, file } = await startWithClocks(t);
  const now = clock.now;
  const rows = 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 250)';
  execute(
    file,
    `${rows} insert into sessions (user_id, token_hash, device, created_at, last_seen_at)
    select ?, randomblob(32), '', ${now} - i % 2, ${now} + ${hour} * (i % 2) from n`,
    alice.id,
  );
  execute(
    file,
    `${rows} insert into invites select 'code ' || i, 1, ?, ${now}, ${now}, null from n`,
    alice.id,
  );
  execute(file, `${rows} insert into idempotency_keys select ?, i, 1, 1, ${now} from n`, alice.id);
  clock.now += 40 * 24 * hour;
  for (const [clear, table, step] of [
    [clearExpiredSessions, 'sessions', 100],
    [clearExpiredInvites, 'invites', 100],
    [clearOldKeys, 'idempotency_keys', 200],
  ] as const) {
    const count = () => Number(query(file, `select count(*) n from ${table}`)[0]?.n);
    const before = count();
    t.ok(before >= 250);
    t.ok(await db.write(hurried(clear), {}), `${table}: more is left`);
    t.equal(count(), before - step, 'one step');
    while (await db.write(hurried(clear), {}));
    t.equal(count(), 0);
  }
});

t.test('messages keep their order when the clock changes', async (t) => {
  const { alice, bob, chat, clock } = await startCast(t);
  const ids: number[] = [];
  const now = clock.now;
  for (const time of [now, now - hour, 0, now - 30 * 24 * hour, now + hour]) {
    clock.now = time;
    ids.push(await alice.send(chat, new Date(time).toISOString()));
  }
  const { messages } = (await bob.get(chat)).body;
  t.strictSame(
    messages.map(({ id }: { id: number }) => id),
    ids,
  );
  for (const { content, time } of messages) t.equal(time, content, 'each with its own time');
  t.equal((await bob.get('/api/chats')).body.chats[0].last_message, messages.at(-1).content);
});
