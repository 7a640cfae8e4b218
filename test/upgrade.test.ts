/** Databases of older versions after an upgrade: all data and all rights are preserved. */
import { readdirSync, readFileSync } from 'node:fs';
import { utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { bundledMigrations } from '../src/db/file/bundled-migrations.ts';
import { clearOldCopies, upgrade } from '../src/db/file/upgrade.ts';
import { done, refused } from './helpers/answers.ts';
import { ask, contents, edit, mode } from './helpers/backups.ts';
import { asBefore, askAll, fixtures, type Recording, readFixture } from './helpers/fixtures.ts';
import { runSnug, spawnSnug, startServer } from './helpers/server.ts';
import { addressOf, cookieOf, openEvents } from './helpers/sse.ts';
import { mountless, smallDisk, without } from './helpers/tools.ts';
import { openWorld, Person, tempFolder, type World } from './helpers/world.ts';

const upgrading = 'The server is being upgraded. Try again in a few minutes.';

/** A world on an upgraded database, at the time of its recording, with the people in it. */
interface Upgraded extends World {
  readonly recording: Recording;
  /** A person with the recorded cookies. */
  person(name: string): Person;
}

const copyOf = (file: string) => `${file}.before-schema-${bundledMigrations.length}`;

/** The database of a fixture, upgraded by a start of the program. */
async function upgradeFixture(t: Test, name: string) {
  const { database, recording } = readFixture(name);
  const file = join(await tempFolder(t), 'snug.db');
  await writeFile(file, database, { mode: 0o600 });
  const server = await startServer(t, file);
  t.equal((await fetch(`${server.url}/healthz`)).status, 200);
  t.equal(await server.end('SIGTERM'), 0);
  t.match(server.output(), /upgrading the database.*a copy .* was made.*database was upgraded/s);
  t.strictSame(readFileSync(copyOf(file)), database, 'the copy is the original');
  t.equal(mode(copyOf(file)), '600');
  return { file, recording };
}

async function openUpgraded(t: Test, file: string, recording: Recording): Promise<Upgraded> {
  const world = await openWorld(t, file);
  world.clock.now = recording.at;
  const person = (name: string) => {
    const pairs = (recording.cookies[name] ?? '').split('; ').map((pair) => pair.split('='));
    const cookies = Object.fromEntries(pairs.filter(([key]) => key !== ''));
    return Object.assign(new Person(world.app, name), { cookies });
  };
  return { ...world, recording, person };
}

async function askFor(person: Person, path: string) {
  const { status, body, headers } = await person.get(path);
  return { status, body, link: (headers.link as string | undefined) ?? null };
}

/** Asserts that every address gives everybody the recorded answer, except for texts of refusals. */
async function answersAsBefore(t: Test, { recording, person }: Upgraded): Promise<void> {
  for (const { path, people, ...before } of recording.answers) {
    for (const name of people) {
      const now = await askAll(path, (page) => askFor(person(name), page));
      t.equal(now.status, before.status, `${path} for ${name}`);
      if (now.status !== 200) continue;
      t.strictSame(asBefore(now, before), before, `${path} for ${name}`);
    }
  }
}

/** Asserts that a resumed stream gets the same events, or a reset. */
async function resumesAsBefore(t: Test, world: Upgraded): Promise<void> {
  const { recording } = world;
  const ids = Object.values(recording.events).flatMap((all) => all.map(({ id = 0 }) => id));
  const last = Math.max(...ids);
  for (const [name, recorded] of Object.entries(recording.events)) {
    const first = Number(recording.first);
    // The event log did not store which reaction it was.
    const reaction = recorded.findLast(({ type }) => type === 'reaction')?.id;
    if (reaction !== undefined) {
      const received = await eventsSince(t, world, { name, since: first, last });
      t.match(received, [{ type: 'reset' }], `${name} gets a reset`);
    }
    const since = reaction ?? first;
    const before = recorded.filter(({ id = 0 }) => id > since);
    // New names were not events before.
    const now = (await eventsSince(t, world, { name, since, last })).filter(
      ({ type }) => type !== 'user',
    );
    t.strictSame(asBefore(now, before), before, `the events of ${name}`);
  }
}

/** The events of a person's resumed stream, up to the last one of the recording. */
async function eventsSince(
  t: Test,
  world: Upgraded,
  { name, since, last }: { name: string; since: number; last: number },
) {
  const cookie = cookieOf(world.person(name));
  const stream = await openEvents(t, {
    ...{ url: await addressOf(world), cookie },
    query: `?since=${since}`,
  });
  await stream.until(() => (stream.lastId ?? 0) >= last);
  stream.cut();
  return stream.events.filter(({ id }) => id !== undefined);
}

const form = 'application/x-www-form-urlencoded';

/** Asserts that people can continue where they were. */
async function works(t: Test, { recording, person, nobody }: Upgraded): Promise<void> {
  const { password, places } = recording;
  const { hike = '', edited = '', keyed = '', oneUse = '', invite = '' } = places;
  const bob = person('bob');
  const signIn = (name: string) => nobody().post('/api/login', { name, password });
  const find = async (word: string) => (await bob.get(`/api/search?q=${word}`)).body.hits.length;

  done(t, await signIn('bob'));
  refused(t, await signIn('dave'), 403);
  refused(t, await signIn('erin'), 400);
  const again = await bob.request({
    method: 'POST',
    url: hike,
    headers: { 'content-type': form, 'idempotency-key': 'k-1' },
    payload: 'content=only+once',
  });
  t.equal(again.headers.location, keyed, 'a key gives the first answer');
  const newest = Number(recording.events.bob?.at(-1)?.id);
  t.ok((await bob.send(hike, 'A new word: kinkajou')) > newest, 'ids keep rising');
  t.equal(await find('kinkajou'), 1);
  t.equal(await find('sandwiches'), 1);
  done(t, await bob.put(edited, { content: 'I bring the soup' }));
  t.equal(await find('sandwiches'), 0, 'an edited message leaves the index');
  done(t, await bob.delete(`${hike}?id=${edited.split('/').at(-1)}`));
  t.equal(await find('soup'), 0, 'and so does a deleted one');
  refused(t, await person('mallory').post(oneUse), 403, undefined, 'a removed user stays out');
  done(t, await person('carol').post(oneUse), 201);
  refused(t, await nobody().get(oneUse), 403);
  refused(t, await person('mallory').post(oneUse), 404, undefined, 'its one use is over');
  done(t, await person('chen').post(invite), 201);
}

for (const name of fixtures) {
  t.test(`${name}: after an upgrade everything is as before, and works`, async (t) => {
    const { file, recording } = await upgradeFixture(t, name);
    const check = await runSnug(t, file, ['check']);
    t.equal(check.code, 0, check.output);
    const world = await openUpgraded(t, file, recording);
    await answersAsBefore(t, world);
    await resumesAsBefore(t, world);
    await works(t, world);
  });
}

/** A database of the first schema in `folder`, with this many additional long messages. */
async function firstSchema(folder: string, messages = 0): Promise<string> {
  const file = join(folder, 'snug.db');
  await writeFile(file, readFixture('schema-1').database, { mode: 0o600 });
  if (messages === 0) return file;
  edit(
    file,
    `insert into messages (chat_id, id, sender_id, content, created_at)
       with recursive ids (id) as (select 1 union all select id + 1 from ids where id < ${messages})
       select chat_id, id, 1, hex(randomblob(1900)), 0 from ids, (select min(chat_id) as chat_id from messages)`,
  );
  return file;
}

t.test(
  'a long upgrade is announced, and repeated if killed',
  { skip: without('strace') },
  async (t) => {
    const file = await firstSchema(await tempFolder(t), 3_000);
    const before = readFileSync(file);
    // Each sync takes a second, so that there is time to kill it.
    const slow = ['strace', '-D', '-f', '-o', '/dev/null'];
    const wrapper = [...slow, '-e', 'inject=fsync,fdatasync:delay_enter=1000000'];
    const first = spawnSnug(t, { env: { DATABASE_URL: file }, wrapper });
    const [, port] = await first.wrote(/"port":(\d+).*until the upgrade is done/);
    for (const path of ['/healthz', '/', '/api/chats']) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      t.equal(answer.status, 503);
      t.ok(Number(answer.headers.get('retry-after')) > 0);
      t.strictSame(await answer.json(), { error: upgrading });
    }
    first.child.kill('SIGKILL');
    await first.exited;
    const version = ask(file, 'pragma user_version');
    t.ok(version[0] === 1 || version[0] === bundledMigrations.length, 'the old or the new schema');

    const second = await startServer(t, file);
    t.equal((await fetch(`${second.url}/healthz`)).status, 200);
    t.equal(await second.end('SIGTERM'), 0);
    if (version[0] === 1) t.strictSame(readFileSync(copyOf(file)), before);
    t.strictSame(
      readdirSync(dirname(file)).sort(),
      ['snug.db', basename(copyOf(file)), 'snug.db.lock'].sort(),
    );
  },
);

t.test('an upgrade needs room for three databases', { skip: mountless }, async (t) => {
  const file = await firstSchema(await smallDisk(t, 1_500 * 1024));
  const before = readFileSync(file);
  const { code, errors } = await runSnug(t, file, ['serve']);
  t.equal(code, 1);
  t.match(
    errors,
    /^snug: There is not enough disk space to upgrade .*: it takes 2 MB, and 2 MB are free\. Free some space and try again\.\n$/,
  );
  t.strictSame(readFileSync(file), before);
  t.strictSame(readdirSync(dirname(file)), ['snug.db']);
});

t.test('a failed upgrade leaves the database unchanged, and no copy', async (t) => {
  const file = await firstSchema(await tempFolder(t));
  const before = contents(dirname(file));
  const bad = { name: '9999_bad.sql', sql: 'insert into nowhere values (1)', hash: 'x' };
  const run = () => upgrade(file, () => undefined, [...bundledMigrations, bad]);
  t.throws(run, { name: 'OperatorError', message: /failed \(no such table: nowhere\)/ });
  t.strictSame(contents(dirname(file)), before);
});

t.test('copies are deleted after 30 days', async (t) => {
  const file = await firstSchema(await tempFolder(t));
  const now = Date.parse('2026-11-22T12:00:00Z');
  const day = 24 * 3_600_000;
  for (const [name, age] of [
    ['snug.db.before-schema-2', 31],
    ['snug.db.before-schema-3', 29],
  ] as const) {
    await writeFile(join(dirname(file), name), '');
    const made = new Date(now - age * day);
    await utimes(join(dirname(file), name), made, made);
  }
  t.strictSame(await clearOldCopies(file, now), ['snug.db.before-schema-2']);
  t.strictSame(readdirSync(dirname(file)).sort(), ['snug.db', 'snug.db.before-schema-3']);
});
