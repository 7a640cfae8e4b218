/**
 * Random calls of the whole API by several people, compared with a small model of it: see
 * helpers/model/. `MODEL_RUNS=1000 node test/model.test.ts` runs longer;
 * SEED and MODEL_PATH repeat a failure.
 */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import t from 'tap';
import { buildApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { openStore } from '../src/db/open.ts';
import { indexAllWaiting } from '../src/jobs/waiting-messages.ts';
import { wordsInBlock } from '../src/search-index/blocks.ts';
import { wordsOf } from '../src/search-index/words.ts';
import { enter, type Server, sequences, startRun } from './helpers/model/run.ts';
import { type Device, Model } from './helpers/model/state.ts';
import { seedOf } from './helpers/random.ts';
import { Person, tempFolder } from './helpers/world.ts';

const runs = Number(process.env.MODEL_RUNS ?? 25);
const length = Number(process.env.MODEL_LENGTH ?? 300);
const path = process.env.MODEL_PATH;
const start = Date.parse('2026-11-22T08:35:52.123Z');

// A long run has no time limit.
if (process.env.MODEL_RUNS !== undefined) t.setTimeout(0);

t.test('random calls of the API answer as the model does', async (t) => {
  const seed = seedOf(t);
  const folder = await tempFolder(t);
  const cast = await makeCast(join(folder, 'cast.db'));
  const property = fc.asyncProperty(
    fc.constantFrom('open' as const, 'invite' as const),
    sequences(length),
    async (mode, steps) => {
      const file = join(folder, 'run.db');
      await copyFile(join(folder, 'cast.db'), file);
      const { server, close } = await startServer(file, mode);
      const model = modelOf(cast, mode, server);
      await startRun(model);
      await fc.asyncModelRun(() => ({ model, real: server }), steps).finally(close);
      await checkFile(file, model);
    },
  );
  await fc.assert(property, {
    ...{ seed, numRuns: runs, verbose: fc.VerbosityLevel.None },
    // Only a long run looks for the smallest failure, which can take very long.
    endOnFailure: process.env.MODEL_RUNS === undefined,
    ...(path !== undefined && { path }),
  });
  t.pass(`${runs} runs`);
});

/** A database with people in it, each on two devices, the start of every run. */
async function makeCast(file: string): Promise<Model> {
  const { server, close } = await startServer(file, 'open');
  const model = new Model(start, 'open');
  for (const name of ['alice', 'bob', 'carol', 'Anna', 'alice', 'bob', 'carol', 'Anna']) {
    await enter(model, server, name);
  }
  await close();
  return model;
}

async function startServer(file: string, mode: string) {
  const clock = { now: start };
  const db = openStore(file, { clock: () => clock.now, ticks: () => 0 });
  const config = readConfig({ RATE_LIMIT: 'off', REGISTRATION: mode });
  const app = await buildApp({ config, db, clock: () => clock.now });
  const close = async () => {
    await app.close();
    await db.close();
  };
  return { server: { app, db, clock } satisfies Server, close };
}

/** The model of the cast for a new server. */
function modelOf(cast: Model, mode: 'open' | 'invite', { app }: Server): Model {
  const model = new Model(start, mode);
  for (const [id, user] of cast.users) model.users.set(id, { ...user });
  for (const [id, session] of cast.sessions) model.sessions.set(id, { ...session });
  model.ever.users.push(...cast.ever.users);
  for (const { person, userId, sessionId } of cast.devices) {
    const client = new Person(app, person.name);
    Object.assign(client.cookies, person.cookies);
    model.devices.push({ person: client, userId, sessionId } satisfies Device);
  }
  return model;
}

/**
 * Indexes what waits, and asserts that the file is sound and the search index holds exactly the
 * words of the messages.
 */
async function checkFile(file: string, model: Model): Promise<void> {
  const db = openStore(file);
  await indexAllWaiting(db);
  await db.close();
  const sqlite = new Database(file);
  try {
    same(sqlite.pragma('integrity_check'), [{ integrity_check: 'ok' }]);
    same(sqlite.pragma('foreign_key_check'), []);
    sqlite.exec("insert into search(search) values('integrity-check')");
    same(sqlite.prepare('select rowid from search order by rowid').pluck().all(), idsOf(model));
    sqlite.exec("create virtual table temp.places using fts5vocab(main, search, 'instance')");
    const places = 'select doc, "offset", term from places where col = ? order by doc, "offset"';
    same(sqlite.prepare(places).raw().all('words'), wordsIn(model, blocksOf(sqlite)));
  } finally {
    sqlite.close();
  }
}

function messagesOf(model: Model) {
  const chats = [...model.chats.values()];
  return chats
    .flatMap(({ id: chatId, messages }) => messages.map((message) => ({ ...message, chatId })))
    .sort((one, other) => one.id - other.id);
}

const idsOf = (model: Model) => messagesOf(model).map(({ id }) => id);

/** The block of each chat; no chat is long enough for two. */
const blocksOf = (sqlite: Database.Database) =>
  new Map(
    sqlite.prepare('select chat_id, first_id from search_blocks').raw().all() as [number, number][],
  );

const wordsIn = (model: Model, blocks: ReadonlyMap<number, number>) =>
  messagesOf(model).flatMap(({ id, chatId, content }) =>
    wordsOf(content).map(({ text }, index) => [
      id,
      index,
      wordsInBlock(blocks.get(chatId) ?? 0, [text]),
    ]),
  );

function same(found: unknown, wanted: unknown): void {
  const [actual, expected] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (actual !== expected) throw new Error(`${actual} should be ${expected}`);
}
