/** A new server for each test, and the people who use it. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, InjectOptions } from 'fastify';
import type { Test } from 'tap';
import { type AppOptions, buildApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { openStore } from '../../src/db/open.ts';
import type { Store } from '../../src/db/store.ts';
import type { Program } from '../../src/db/writer/worker-writer.ts';
import { undeclaredOf } from './refusals.ts';

export interface World {
  readonly app: FastifyInstance;
  readonly db: Store;
  readonly file: string;
  /** The server's time in ms; tests set it forward instead of sleeping. */
  readonly clock: { now: number };
  /** Registers a person under this name. */
  register(name: string): Promise<Person>;
  /** A client that is not signed in. */
  nobody(): Person;
}

/** An empty folder, removed when the test ends. */
export async function tempFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'snug-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A server on a new, migrated database. */
export async function startWorld(
  t: Test,
  env: Record<string, string> = {},
  options: Partial<AppOptions> = {},
): Promise<World> {
  return openWorld(t, join(await tempFolder(t), 'snug.db'), env, options);
}

/** With `program` the writer runs in a worker, as in the server, and goes by the time of day. */
export interface WorldOptions extends Partial<AppOptions> {
  readonly program?: Program;
}

const stores = new WeakMap<FastifyInstance, Store>();

/** The store of a world's app. */
export function storeOf(app: FastifyInstance): Store {
  const store = stores.get(app);
  if (store === undefined) throw new Error('this app is not of openWorld');
  return store;
}

/** A server on the database in `file`. */
export async function openWorld(
  t: Test,
  file: string,
  env: Record<string, string> = {},
  { program, ...options }: WorldOptions = {},
): Promise<World> {
  const clock = { now: Date.parse('2026-11-22T08:35:52.123Z') };
  // On a slow machine too, long work is done in one portion; `hurried` cuts it.
  const ticks = () => 0;
  const db = openStore(file, { clock: () => clock.now, ticks, ...(program && { program }) });
  const config = readConfig({ RATE_LIMIT: 'off', DISK_RESERVE_MB: 'off', ...env });
  const app = await buildApp({ config, db, clock: () => clock.now, ...options });
  t.teardown(async () => {
    await app.close();
    await db.close();
    const undeclared = undeclaredOf(app);
    if (undeclared.length > 0) throw new Error(`not in config.refuses: ${undeclared.join(', ')}`);
  });
  stores.set(app, db);
  const nobody = () => new Person(app, 'nobody');
  return { app, db, file, clock, nobody, register: (name) => nobody().register(name) };
}

/** A server with its named cast: alice owns a chat that bob is in; carol is not a member. */
export async function startCast(
  t: Test,
  env: Record<string, string> = {},
  options: WorldOptions = {},
) {
  stage ??= setStage(t);
  const { bytes, cookies, chat } = await stage;
  const file = join(await tempFolder(t), 'snug.db');
  await writeFile(file, bytes);
  const world = await openWorld(t, file, env, options);
  const [alice, bob, carol] = cast.map((name) =>
    Object.assign(new Person(world.app, name), { cookies: { ...cookies[name] } }),
  ) as [Person, Person, Person];
  return { ...world, alice, bob, carol, chat };
}

const cast = ['alice', 'bob', 'carol'];

let stage: ReturnType<typeof setStage> | undefined;

/** The cast's database, made once per test file, because hashing passwords takes time. */
async function setStage(t: Test) {
  const { app, db, file, register } = await startWorld(t);
  const people: Person[] = [];
  for (const name of cast) people.push(await register(name));
  const [alice] = people as [Person, ...Person[]];
  const chat = await alice.createChat('Sunday hike');
  await alice.post(`${chat}/members`, { name: 'bob' });
  await app.close();
  await db.close();
  const cookies = Object.fromEntries(people.map(({ name, cookies }) => [name, cookies]));
  return { bytes: await readFile(file), cookies, chat };
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  /** The raw body. */
  readonly text: string;
  /** The body as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape.
  readonly body: any;
}

export const password = 'correct horse battery';

/** A client with a cookie jar, like a browser or curl. */
export class Person {
  readonly app: FastifyInstance;
  readonly name: string;
  readonly cookies: Record<string, string> = {};

  constructor(app: FastifyInstance, name: string) {
    this.app = app;
    this.name = name;
  }

  get id(): number {
    return Number(this.cookies.user_id);
  }

  async register(name: string): Promise<Person> {
    const person = new Person(this.app, name);
    const fields = { name, password, email: `${randomBytes(6).toString('hex')}@example.org` };
    const answer = await person.post('/api/user', fields);
    if (answer.status !== 201) throw new Error(`${name} is not registered: ${answer.text}`);
    return person;
  }

  /** Signs in the same user on another device. */
  async otherDevice(): Promise<Person> {
    const device = new Person(this.app, this.name);
    const answer = await device.post('/api/login', { name: this.name, password });
    if (answer.status !== 200) throw new Error(`${this.name} is not signed in: ${answer.text}`);
    return device;
  }

  /** Creates a chat and returns its address. */
  async createChat(title: string): Promise<string> {
    const { status, headers, text } = await this.post('/api/chats', { title });
    if (status !== 201) throw new Error(`not created: ${text}`);
    return String(headers.location);
  }

  /** Sends a message and returns its id. */
  async send(chat: string, content: string): Promise<number> {
    const answer = await this.post(chat, { content });
    if (answer.status !== 201) throw new Error(`not sent: ${answer.text}`);
    return Number(String(answer.headers.location).split('/').at(-1));
  }

  get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.request({ method: 'GET', url, headers });
  }

  post(url: string, fields: Record<string, string> = {}): Promise<Answer> {
    return this.form('POST', url, fields);
  }

  put(url: string, fields: Record<string, string> = {}): Promise<Answer> {
    return this.form('PUT', url, fields);
  }

  delete(url: string): Promise<Answer> {
    return this.request({ method: 'DELETE', url });
  }

  form(
    method: 'POST' | 'PUT' | 'DELETE',
    url: string,
    fields: Record<string, string>,
  ): Promise<Answer> {
    return this.request({
      method,
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams(fields).toString(),
    });
  }

  /** Sends any request with this person's cookies, and stores those that the answer sets. */
  async request(options: InjectOptions): Promise<Answer> {
    // As over the network: earlier calls belong to an earlier turn of the event loop.
    await nextTurn();
    const response = await this.#inject(options);
    for (const { name, value } of response.cookies) {
      if (value === '') delete this.cookies[name];
      else this.cookies[name] = value;
    }
    return {
      status: response.statusCode,
      headers: response.headers as Answer['headers'],
      text: response.body,
      get body() {
        return response.json();
      },
    };
  }

  /** On a machine that is busy with other work the server refuses; like a client, try again. */
  async #inject(options: InjectOptions) {
    for (;;) {
      const response = await this.app.inject({ cookies: this.cookies, ...options });
      if (response.headers['error-code'] !== 'busy') return response;
      await sleep(100);
    }
  }
}
