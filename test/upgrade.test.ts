/** Databases of older versions under this one: all that was in them is there, and everybody’s right. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { done, refused } from './helpers/answers.ts';
import { asBefore, askAll, fixtures, type Recording, readFixture } from './helpers/fixtures.ts';
import { runSnug, startServer } from './helpers/server.ts';
import { addressOf, cookieOf, openEvents } from './helpers/sse.ts';
import { openWorld, Person, tempFolder, type World } from './helpers/world.ts';

/** A world on an upgraded database, at the time of its recording, with the people in it. */
interface Upgraded extends World {
  readonly recording: Recording;
  /** Somebody with the cookies that they had. */
  person(name: string): Person;
}

/** The database of a fixture, upgraded by a start of the program. */
async function upgrade(t: Test, name: string) {
  const { database, recording } = readFixture(name);
  const file = join(await tempFolder(t), 'snug.db');
  await writeFile(file, database, { mode: 0o600 });
  const server = await startServer(t, file);
  t.equal((await fetch(`${server.url}/healthz`)).status, 200);
  t.equal(await server.end('SIGTERM'), 0);
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

async function ask(person: Person, path: string) {
  const { status, body, headers } = await person.get(path);
  return { status, body, link: (headers.link as string | undefined) ?? null };
}

/** Asserts that every address answers everybody as it did; only a refusal may say it otherwise. */
async function answersAsBefore(t: Test, { recording, person }: Upgraded): Promise<void> {
  for (const { path, people, ...before } of recording.answers) {
    for (const name of people) {
      const now = await askAll(path, (page) => ask(person(name), page));
      t.equal(now.status, before.status, `${path} for ${name}`);
      if (now.status !== 200) continue;
      t.strictSame(asBefore(now, before), before, `${path} for ${name}`);
    }
  }
}

/** Asserts that a stream that resumes is sent the same events. */
async function resumesAsBefore(t: Test, world: Upgraded): Promise<void> {
  const { recording, person } = world;
  const url = await addressOf(world);
  for (const [name, recorded] of Object.entries(recording.events)) {
    // Of a reaction the log did not note which one it was: it is told no more.
    const before = recorded.filter(({ type }) => type !== 'reaction');
    const query = `?since=${recording.first}`;
    const stream = await openEvents(t, { url, cookie: cookieOf(person(name)), query });
    const last = Math.max(
      ...Object.values(recording.events)
        .flat()
        .map(({ id = 0 }) => id),
    );
    await stream.until(() => (stream.lastId ?? 0) >= last);
    const now = stream.events.filter(({ id }) => id !== undefined);
    t.strictSame(asBefore(now, before), before, `the events of ${name}`);
    stream.cut();
  }
}

const form = 'application/x-www-form-urlencoded';

/** Asserts that people go on where they were. */
async function goesOn(t: Test, { recording, person, nobody }: Upgraded): Promise<void> {
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
  t.ok((await bob.send(hike, 'A new word: kinkajou')) > newest, 'ids go on rising');
  t.equal(await find('kinkajou'), 1);
  t.equal(await find('sandwiches'), 1);
  done(t, await bob.put(edited, { content: 'I bring the soup' }));
  t.equal(await find('sandwiches'), 0, 'an edited message leaves the index');
  done(t, await bob.delete(`${hike}?id=${edited.split('/').at(-1)}`));
  t.equal(await find('soup'), 0, 'and so does a deleted one');
  refused(t, await person('mallory').post(oneUse), 403, undefined, 'who was removed stays out');
  done(t, await person('carol').post(oneUse), 201);
  refused(t, await nobody().get(oneUse), 403);
  refused(t, await person('mallory').post(oneUse), 404, undefined, 'its one use is over');
  done(t, await person('chen').post(invite), 201);
}

for (const name of fixtures) {
  t.test(`${name}: after an upgrade all is as before, and goes on`, async (t) => {
    const { file, recording } = await upgrade(t, name);
    const check = await runSnug(t, file, ['check']);
    t.equal(check.code, 0, check.output);
    const world = await openUpgraded(t, file, recording);
    await answersAsBefore(t, world);
    await resumesAsBefore(t, world);
    await goesOn(t, world);
  });
}
