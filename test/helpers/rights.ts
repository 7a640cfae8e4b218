/** The table of docs/rights.md, and for each of its rows a request that is valid in itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { recordOutput } from './secrets.ts';
import { openWorld, Person, password, startWorld, tempFolder } from './world.ts';

export const roles = ['nobody', 'outsider', 'member', 'author', 'owner', 'admin'] as const;
export type Role = (typeof roles)[number];

/** ✓; the status of the refusal; or ✓ for the caller's own and that status for another user's. */
export interface Right {
  readonly own: boolean;
  readonly others: number | true;
}

export interface Row {
  /** Method and address, with the query parameter of the row. */
  readonly name: string;
  /** Method and address as the framework knows the route. */
  readonly route: string;
  readonly rights: Record<Role, Right>;
}

/** The rows of the table in docs/rights.md. */
export function readRights(): Row[] {
  const text = readFileSync(new URL('../../docs/rights.md', import.meta.url), 'utf8');
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  const [head, , ...rows] = lines.map((line) => line.split('|').map((cell) => cell.trim()));
  if (head?.slice(3, -1).join() !== roles.join()) throw new Error('docs/rights.md: other roles');
  return rows.map(([, route = '', , ...cells]) => {
    const name = route.replaceAll('`', '');
    const rights = roles.map((role, i) => [role, parseRight(`${name} ${role}`, cells[i] ?? '')]);
    const pattern = name.replace(/\?.*/, '').replace(/\{(\w+)\}/g, ':$1');
    return { name, route: pattern, rights: Object.fromEntries(rights) };
  });
}

function parseRight(place: string, cell: string): Right {
  const [, own, status] = /^(own, else )?(4\d\d)$/.exec(cell) ?? [];
  if (cell === '✓') return { own: true, others: true };
  if (status === undefined) throw new Error(`docs/rights.md: ${place}: ${cell}`);
  return { own: own !== undefined, others: Number(status) };
}

/** The objects of a request: existing ones, or ones that never existed. */
export interface Targets {
  readonly chat_id: number;
  readonly user_id: number;
  readonly id: number;
  readonly session: number;
  readonly code: string;
  readonly name: string;
  readonly emoji: string;
}

export const absent: Targets = {
  ...{ chat_id: 999_999, user_id: 999_999, id: 999_999, session: 999_999 },
  ...{ code: 'never-was', name: 'never was', emoji: '👍' },
};

/** The request of a row, valid except, perhaps, for the user who makes it: `asker`. */
export function valid(name: string, targets: Targets, asker = 'x') {
  const values: Record<string, string | number> = { ...targets, q: 'hello', file: asset() };
  // The id of a session takes the place of a message's id.
  if (name.includes('/sessions?')) values.id = targets.session;
  const [method = '', address = ''] = name.split(' ');
  const [path = '', parameter] = address.split('?');
  const filled = path.replace(/\{(\w+)\}/g, (_, key) => encodeURIComponent(String(values[key])));
  const key = parameter?.replace('=', '') ?? '';
  const extra = name === 'GET /api/search?chat_id=' ? '&q=hello' : '';
  const url = key === '' ? filled : `${filled}?${key}=${values[key]}${extra}`;
  const payload = bodies(targets, asker)[name];
  return { method: method as 'GET', url, ...(payload && { payload }) };
}

/** One of the files that the build has named by their contents. */
function asset(): string {
  return readdirSync(new URL('../../dist/web/assets/', import.meta.url))[0] ?? '';
}

/** The user whom each member adds: each is in no chat, and can be added once. */
const newcomers: Record<string, string> = { bob: 'frank', dave: 'gina', alice: 'carol' };

function bodies({ id }: Targets, asker: string): Record<string, Record<string, string>> {
  const email = `${asker}-2@example.org`;
  const changed = 'another horse battery';
  return {
    'POST /api/login': { name: 'frank', password },
    'POST /api/user': { name: `new ${asker}`, password, email },
    'PUT /api/user': { email },
    'PUT /api/user/{user_id}': { email },
    'PUT /api/user/{user_id}/password': { current_password: password, password: changed },
    'PUT /api/users/{user_id}': { disabled: '1' },
    'POST /api/chats': { title: 'new' },
    'POST /api/chats/{chat_id}': { content: 'new' },
    'PUT /api/chats/{chat_id}': { title: 'new' },
    'PUT /api/chats/{chat_id}/permissions': { rename: 'owners' },
    'PUT /api/chats/{chat_id}/messages/{id}': { content: 'new' },
    'PUT /api/chats/{chat_id}/read': { id: String(id) },
    'PUT /api/chats/{chat_id}/notify': { notify: 'mentions' },
    'POST /api/chats/{chat_id}/members': { name: newcomers[asker] ?? 'frank' },
    'PUT /api/chats/{chat_id}/members/{user_id}': { role: 'owner' },
    'POST /api/chats/{chat_id}/invites': { max_uses: '1' },
  };
}

/** The users who ask: one for each role; some share one. */
const cast = {
  ...{ nobody: 'nobody', forged: 'nobody', former: 'nobody', carol: 'outsider', gina: 'outsider' },
  ...{ bob: 'member', dave: 'author', alice: 'owner', root: 'admin' },
} as const;

export type Asker = keyof typeof cast;

export const askers = Object.entries(cast) as [Asker, Role][];

type Cookies = Record<string, string>;

/** A database with all of them; copying it saves the hashing of their passwords. */
export interface Stage {
  readonly file: string;
  readonly cookies: Record<string, Cookies>;
  readonly sessions: Record<string, number>;
  readonly chat: string;
}

/**
 * Sets the stage. Root is the admin; alice has a chat with bob, dave and eve; gina has left it;
 * carol and frank never were in it. All are signed in on two devices; former are the cookies of
 * a session that alice has ended.
 */
export async function setStage(t: Test): Promise<Stage> {
  const { app, db, file, register } = await startWorld(t);
  const people: Record<string, Person> = {};
  const sessions: Record<string, number> = {};
  for (const name of ['root', 'alice', 'bob', 'carol', 'dave', 'eve', 'frank', 'gina']) {
    people[name] = await register(name);
    const phone = await people[name].otherDevice();
    sessions[name] = (await phone.get('/api/session')).body.session.id;
  }
  const { alice, gina } = people as { alice: Person; gina: Person };
  const chat = await alice.createChat('Sunday hike');
  for (const name of ['bob', 'dave', 'eve', 'gina']) await alice.post(`${chat}/members`, { name });
  await gina.delete(`/api/chats?chat_id=${chat.split('/').at(-1)}`);
  const tablet = await alice.otherDevice();
  const former = { ...tablet.cookies };
  await tablet.get('/api/logout');
  await app.close();
  await db.close();
  const cookies = Object.entries(people).map(([name, person]) => [name, person.cookies] as const);
  return { file, cookies: { former, ...Object.fromEntries(cookies) }, sessions, chat };
}

/** A new world on that stage, with objects for everybody to ask for. */
export async function enter(t: Test, { file: original, cookies, sessions, chat }: Stage) {
  const file = join(await tempFolder(t), 'snug.db');
  await copyFile(original, file);
  const { logger, listenTo, leaks } = recordOutput();
  const world = await openWorld(t, file, {}, { logger });
  listenTo(world.app);
  const as = (name: string, own = cookies[name] ?? {}) =>
    Object.assign(new Person(world.app, name), { cookies: { ...own } });
  const eve = as('eve');
  const dave = as('dave');
  const invite = async (maker: Person) => {
    const { headers } = await maker.post(`${chat}/invites`);
    return (
      String(headers.location ?? '')
        .split('/')
        .at(-1) ?? ''
    );
  };
  const targets = async (name: string): Promise<{ own: Targets; others: Targets }> => {
    const person = as(name);
    const id = await dave.send(chat, `hello ${name}`);
    const common = { chat_id: Number(chat.split('/').at(-1)), id, name: 'eve', emoji: '👍' };
    const others = { user_id: eve.id, session: sessions.eve ?? 0, code: await invite(eve) };
    const own = { user_id: person.id, session: sessions[name] ?? 0, code: await invite(person) };
    return { own: { ...common, ...own }, others: { ...common, ...others } };
  };
  const forged = { user_id: String(cookies.alice?.user_id), token: String(cookies.bob?.token) };
  const asker = (name: Asker) => as(name, name === 'forged' ? forged : cookies[name]);
  return { ...world, asker, targets, leaks };
}
