/** Random calls, made to the server and to the model; after each one both must agree. */
import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import type { Refusal } from '../../../src/errors.ts';
import { runMaintenance } from '../../../src/jobs/maintenance.ts';
import { Person, type World } from '../world.ts';
import { chatCalls, listOf } from './chats.ts';
import { messageCalls } from './messages.ts';
import { type Device, day, hour, type Model, type User } from './state.ts';
import type { Call, Calls, Choice, Expected, Got } from './step.ts';
import { userCalls } from './users.ts';

export type Server = Pick<World, 'app' | 'db' | 'clock'>;

const calls: Calls = { ...chatCalls, ...messageCalls, ...userCalls };

/** How often each call is made; 2 if it is not listed. */
const weights: Record<string, number> = {
  ...{ post: 48, edit: 16, delete: 12, markRead: 16, addMember: 16, search: 10, react: 8 },
  ...{ login: 8, createChat: 3, openDirectChat: 4, leaveChat: 6, acceptInvite: 8 },
  ...{ createInvite: 6, readChat: 8, changeRole: 8, removeMember: 8, register: 4, deleteUser: 1 },
};

const names = ['alice', 'bob', 'carol', 'Anna', 'anna b.', 'ΣΊΣΥΦΟΣ', 'äRGER', 'BOB', 'Σίσυφος'];
const tokens = [
  ...['hike', 'hiking', 'Grüße', 'GRUSSE', 'café', 'x@bob', '山', 'nine'],
  ...['@alice', '@BOB', '@carol,', '@Anna', '@anna B.', '@Σίσυφος', '@Ärger!', '@annab'],
];
const queries = [
  'hik',
  'hike',
  'grüsse',
  'cafe nine',
  '@bob',
  '山',
  'h',
  'CAFÉ ',
  'anna b',
  ' ',
  '*',
];

/** A random step; its small numbers select existing objects when the step runs. */
const stepArbitrary = fc.record({
  call: fc.oneof(
    ...Object.keys(calls).map((name) => ({
      weight: weights[name] ?? 2,
      arbitrary: fc.constant(name),
    })),
    { weight: 3, arbitrary: fc.constant('wait') },
    { weight: 1, arbitrary: fc.constant('maintenance') },
  ),
  actor: fc.nat(99),
  device: fc.nat(9),
  user: fc.nat(99),
  chat: fc.nat(99),
  message: fc.nat(99),
  code: fc.nat(99),
  n: fc.nat(59),
  name: fc.constantFrom(...names),
  email: fc.nat(7).map((n) => `${n % 2 === 0 ? 'p' : 'P'}${n}@example.org`),
  password: fc.constantFrom('correct horse battery', 'second horse battery'),
  text: fc
    .array(fc.constantFrom(...tokens), { minLength: 1, maxLength: 4 })
    .map((all) => all.join(' ')),
  query: fc.constantFrom(...queries),
});

type Drawn = typeof stepArbitrary extends fc.Arbitrary<infer Value> ? Value : never;

/** @param maxCommands the most steps that a run has. */
export const sequences = (maxCommands: number) =>
  fc.commands([stepArbitrary.map((drawn) => new Step(drawn))], { maxCommands, size: 'max' });

class Step implements fc.AsyncCommand<Model, Server> {
  readonly drawn: Drawn;
  #description = '';

  constructor(drawn: Drawn) {
    this.drawn = drawn;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, server: Server): Promise<void> {
    if (this.drawn.call === 'wait') await this.#wait(model, server);
    else if (this.drawn.call === 'maintenance') await runMaintenance(server.db);
    else await this.#call(model, server);
    await compareLists(model);
  }

  toString(): string {
    return this.#description || this.drawn.call;
  }

  async #call(model: Model, server: Server): Promise<void> {
    const device = actor(model, this.drawn);
    const me = model.users.get(device.userId) ?? gone;
    const name = nameOf(model, this.drawn);
    const call = calls[name]?.(model, choose(model, this.drawn, me), me) as Call;
    const client = call.isNewcomer ? newDevice(server) : device;
    this.#description = `${me.name} (${client.person.name}): ${call.method} ${call.url} ${JSON.stringify(call.fields ?? {})}`;
    await play(model, client, call, isForEverybody(name));
  }

  async #wait(model: Model, server: Server): Promise<void> {
    const spans = [1, 1000, 59_000, hour - 1, hour, 11 * hour, day, 8 * day];
    const span = this.drawn.n === 0 ? 31 * day : (spans[this.drawn.n % spans.length] ?? 1);
    this.#description = `wait ${span} ms`;
    model.now += span;
    server.clock.now = model.now;
    for (const device of model.devices) await use(model, device);
    // By now the writes that follow the requests are done.
    await server.db.write(async () => undefined, {});
  }
}

/** Makes a call to the server and to the model. */
async function play(model: Model, client: Device, call: Call, forEverybody: boolean) {
  const answer = await send(client, call);
  const isKnown = model.sessionOf(client) !== undefined || forEverybody;
  const expected = isKnown ? expectedBy(call, answer, client) : signedOut;
  compare(answer, expected);
  if (expected.signsIn !== undefined) await signIn(model, client, expected.signsIn);
}

/** Starts every run: an open chat of three, its owners the first and the last, and an invite. */
export async function startRun(model: Model): Promise<void> {
  const [device] = model.devices as [Device];
  const me = model.users.get(device.userId) as User;
  const [, , third = 0] = model.ever.users;
  const choice = { message: 0, code: '', email: '', password: '', query: '', newName: '' };
  for (const [name, n, user] of [
    ['createChat', 0, 'alice'],
    ['addMember', 1, 'bob'],
    ['addMember', 1, 'carol'],
    ['changeRole', 0, 'carol'],
    ['createInvite', 0, ''],
  ] as const) {
    const chat = model.ever.chats.at(-1) ?? 0;
    const drawn = { ...choice, n, chat, name: user, user: third, text: 'Sunday hike' };
    await play(model, device, calls[name]?.(model, drawn, me) as Call, false);
  }
}

const gone: User = {
  id: 999_999,
  name: 'nobody',
  email: '',
  password: '',
  role: 'user',
  created: 0,
};

const signedOut: Expected = {
  status: 403,
  body: { error: 'You are not signed in. Sign in first.' },
};

const isForEverybody = (call: string) => call === 'login' || call === 'register';

function newDevice({ app }: Pick<Server, 'app'>): Device {
  return { person: new Person(app, 'new device'), userId: 0, sessionId: 0 };
}

/** Mostly a signed-in user. */
function actor(model: Model, { actor, device }: Drawn): Device {
  const { devices } = model;
  const live = devices.filter((device) => model.sessionOf(device) !== undefined);
  return at(device > 0 && live.length > 0 ? live : devices, actor);
}

/** Without a chat, most calls would be pointless. */
function nameOf({ chats }: Model, { call, n }: Drawn): string {
  return chats.size === 0 && n % 4 > 0 ? 'createChat' : call;
}

/** What the random numbers stand for, the newest first; sometimes nothing. */
function choose(model: Model, drawn: Drawn, me: User): Choice {
  const { users, chats, codes, messages } = model.ever;
  const own = model.chatsOf(me.id).map(({ id }) => id);
  const isOwn = drawn.chat % 5 > 0 && own.length > 0;
  const chat = at(isOwn ? own : [999_999, ...chats.slice(-5)], drawn.chat);
  const here = model.chats.get(chat)?.messages.map(({ id }) => id) ?? [];
  const members = [...(model.chats.get(chat)?.members.keys() ?? [])];
  const isMember = drawn.device % 3 > 0 && members.length > 0;
  const existing = at([...model.users.values(), me], drawn.user).name;
  return {
    ...drawn,
    chat,
    user: at(isMember ? members : [999_999, ...users.slice(-6)], drawn.user),
    name: drawn.device % 2 > 0 ? existing : drawn.name,
    newName: drawn.name,
    code: at(['none', ...codes.slice(-4)], drawn.code),
    message: at([999_999, ...messages.slice(-2), ...here.slice(-6)], drawn.message),
  };
}

/** The element for a number, counted from the end. */
function at<Element>(list: readonly Element[], index: number): Element {
  return list[list.length - 1 - (index % list.length)] as Element;
}

async function send({ person }: Device, call: Call): Promise<Got> {
  const { method, url, fields, headers = {}, list } = call;
  const form = { 'content-type': 'application/x-www-form-urlencoded', ...headers };
  const answer = await person.request({
    method,
    url,
    ...(fields !== undefined && { headers: form, payload: new URLSearchParams(fields).toString() }),
  });
  const body =
    list === undefined || answer.status !== 200 ? answer.body : await all(person, answer, list);
  return { ...answer, body, cookies: person.cookies };
}

/** The lists of this page and of all following pages, joined. */
async function all(
  person: Person,
  first: { body: unknown; headers: Got['headers'] },
  list: string,
) {
  const elements: unknown[] = [];
  let page: typeof first | undefined = first;
  while (page !== undefined) {
    elements.push(...((page.body as Record<string, unknown[]>)[list] as unknown[]));
    const next: string | undefined = /<([^>]+)>; rel="next"/.exec(String(page.headers.link))?.[1];
    page = next === undefined ? undefined : await person.get(next);
  }
  return { [list]: elements };
}

function expectedBy(call: Call, answer: Got, device: Device): Expected {
  try {
    return call.rule(answer, device);
  } catch (error) {
    const { name, status, message } = error as Refusal;
    if (name !== 'Refusal') throw error;
    return { status, body: { error: message } };
  }
}

function compare({ status, body, headers }: Got, expected: Expected): void {
  const { signsIn: _, link, location, ...rest } = expected;
  deepStrictEqual({ status, body, location: headers.location }, { ...rest, location });
  if (link !== undefined) deepStrictEqual(headers.link, link ?? undefined);
}

/** Stores the session that a client was just given. */
async function signIn(model: Model, device: Device, userId: number): Promise<void> {
  const { body } = await device.person.get('/api/session');
  deepStrictEqual(body.user.id, userId);
  const { id } = body.session;
  model.sessions.set(id, {
    id,
    userId,
    created: model.now,
    lastSeen: model.now,
    verified: model.now,
  });
  Object.assign(device, { userId, sessionId: id });
  if (!model.devices.includes(device)) model.devices.push(device);
}

/** Makes a request that extends the session. */
async function use(model: Model, device: Device): Promise<void> {
  const session = model.sessionOf(device);
  const { status } = await device.person.get('/api/directory');
  deepStrictEqual(status, session === undefined ? 403 : 200);
  if (session !== undefined && model.now - session.lastSeen >= hour) session.lastSeen = model.now;
}

/** Everybody must see their chats with the right unread counts, the same on two devices. */
async function compareLists(model: Model): Promise<void> {
  for (const userId of model.users.keys()) {
    const own = model.devices.filter((device) => device.userId === userId);
    const live = own.filter((device) => model.sessionOf(device) !== undefined);
    for (const { person } of live.slice(0, 2)) {
      const { status, body } = await person.get('/api/chats');
      deepStrictEqual({ status, body }, { status: 200, body: { chats: listOf(model, userId) } });
    }
  }
}

/** Registers a person, or signs them in on another device, before a run starts. */
export async function enter(model: Model, server: Server, name: string): Promise<void> {
  const existing = model.userByName(name);
  const device = newDevice(server);
  const password = 'correct horse battery';
  const fields = { name, password, email: `${name}@example.org` };
  const url = existing === undefined ? '/api/user' : '/api/login';
  const answer = await device.person.post(url, fields);
  deepStrictEqual(answer.status, existing === undefined ? 201 : 200);
  const id = device.person.id;
  if (existing === undefined) {
    const role = model.ever.users.length === 0 ? 'admin' : 'user';
    model.users.set(id, { id, ...fields, role, created: model.now });
    model.ever.users.push(id);
  }
  await signIn(model, device, id);
}
