/**
 * The cost of a request does not grow with the server: each request is made on two databases, one
 * with twice as much of something, and must run the same statements and read as many rows. Together
 * with the test that no query scans a table (db/tables), that bounds the work.
 */
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { addChats, execute, numbers } from './helpers/rows.ts';
import { type Answer, type Person, startCast } from './helpers/world.ts';

/** What a request costs the database. */
interface Cost {
  statements: number;
  /** The rows that statements return. */
  rows: number;
  /** The pages that a commit adds to the log. */
  pages: number;
}

/** Ids below this are free for rows that are inserted past the server. */
const newestId = 1_000_000;

/** Adds users with the ids from 1,000 on. */
function addUsers(file: string, count: number): void {
  execute(
    file,
    `${numbers(1000, count)} insert into users (id, name, name_key, email, email_key, password_hash, role, created_at)
      select n, 'User ' || n, 'user ' || n, n || '@example.org', n || '@example.org', '', 'user', 0 from numbers`,
  );
}

/** Adds messages to a chat, with the ids from 1,000 on. */
function addMessages(file: string, chatId: number, count: number): void {
  execute(
    file,
    `${numbers(1000, count)} insert into messages (chat_id, id, sender_id, content, created_at)
      select ${chatId}, n, 1, 'Message ' || n, 0 from numbers`,
  );
  execute(file, `update chats set posted = posted + ${count} where id = ${chatId}`);
}

/** What there is more of, and how it is added. */
const growing: Record<string, (file: string, cast: Cast, count: number) => void> = {
  'members of the chat': (file, { chatId }, count) => {
    addUsers(file, count);
    execute(
      file,
      `insert into memberships (user_id, chat_id, role, joined_at, joined_event)
        select id, ${chatId}, 'member', 0, id from users where id >= 1000`,
    );
    execute(file, `update chats set member_count = member_count + ${count} where id = ${chatId}`);
  },
  'chats of the user': (file, { alice }, count) =>
    addChats(file, { first: 10_000, count, userId: alice.id }),
  'messages of the chat': (file, { chatId }, count) => addMessages(file, chatId, count),
  'users and chats of others': (file, _, count) => {
    addUsers(file, count);
    addChats(file, { first: 10_000, count, userId: 'n - 9000' });
  },
};

interface Cast extends Awaited<ReturnType<typeof startCast>> {
  readonly chatId: number;
}

/** Requests of daily use, each of which succeeds. */
function requests({
  alice,
  bob,
  carol,
  chat,
  chatId,
}: Cast): Record<string, () => Promise<Answer>> {
  let message = 0;
  const post = async (person: Person, content: string, more = {}) => {
    const answer = await person.post(chat, { content, ...more });
    message = Number(String(answer.headers.location).split('/').at(-1));
    return answer;
  };
  const at = () => `${chat}/messages/${message}`;
  const thumb = () => `${at()}/reactions/${encodeURIComponent('👍')}`;
  let code = '';
  let made = '';
  return {
    'the list of chats': () => alice.get('/api/chats?limit=20'),
    'the newest page': () => alice.get(chat),
    'the list of chats again': () => alice.get('/api/chats?limit=20'),
    'a message': () => post(bob, 'Shall we meet at nine?'),
    'the list after a message': () => alice.get('/api/chats?limit=20'),
    'the page after a message': () => alice.get(chat),
    'an older page': () => alice.get(`${chat}?before=${newestId}`),
    'a newer page': () => alice.get(`${chat}?after=${newestId}`),
    'a read mark': () => alice.put(`${chat}/read`, { id: String(message) }),
    'the list after a read mark': () => alice.get('/api/chats?limit=20'),
    'a mention': () => post(alice, '@bob At ten'),
    'a reply': () => post(bob, 'Fine', { reply_to: String(message) }),
    'an edit': () => bob.put(at(), { content: 'Fine!' }),
    'one message': () => alice.get(at()),
    'a reaction': () => alice.put(thumb()),
    'who reacted': () => bob.get(thumb()),
    'a reaction taken back': () => alice.delete(thumb()),
    'a deletion': () => bob.delete(at()),
    'the notifications of a chat': () => alice.put(`${chat}/notify`, { notify: 'mentions' }),
    typing: () => alice.post(`${chat}/typing`),
    'a page of members': () => alice.get(`${chat}/members?limit=2`),
    'a new member': () => alice.post(`${chat}/members`, { name: 'carol' }),
    'a new role': () => alice.put(`${chat}/members/${carol.id}`, { role: 'owner' }),
    'a member who leaves': () => carol.delete(`/api/chats?chat_id=${chatId}`),
    'a new title': () => alice.put(chat, { title: 'Monday hike' }),
    'an invite': async () => {
      const answer = await alice.post(`${chat}/invites`);
      code = String(answer.headers.location);
      return answer;
    },
    'the invites': () => alice.get(`${chat}/invites`),
    'joining by an invite': () => carol.post(code),
    'a user by id': () => alice.get(`/api/user/${bob.id}`),
    'a user by name': () => alice.get('/api/user?name=bob'),
    'a new name': () => bob.put('/api/user', { name: 'robert' }),
    'the list after a new name': () => alice.get('/api/chats?limit=20'),
    'the sessions': () => alice.get('/api/sessions'),
    'a new chat': async () => {
      const answer = await alice.post('/api/chats', { title: 'Chess' });
      made = String(answer.headers.location);
      return answer;
    },
    'a direct chat': () => alice.post('/api/chats', { with: 'carol' }),
    'a chat left': () => alice.delete(`/api/chats?chat_id=${made.split('/').at(-1)}`),
    'the directory': () => alice.get('/api/directory'),
    'a search': () => alice.get('/api/search?q=nine'),
  };
}

/** Counts what each request costs on a database with `count` more of something. */
async function measure(
  t: Test,
  grow: (file: string, cast: Cast, count: number) => void,
  count: number,
): Promise<Record<string, Cost>> {
  const cast = await startCast(t);
  const { alice, chat, file } = cast;
  const chatId = Number(chat.split('/').at(-1));
  execute(file, `insert into events (id, type, at) values (${newestId}, 'restored', 0)`);
  grow(file, { ...cast, chatId }, count);
  // A write makes the server notice the changes made past it, and everything is read once.
  await alice.send(chat, 'hello');
  const costs: Record<string, Cost> = {};
  for (const [name, request] of Object.entries(requests({ ...cast, chatId }))) {
    const before = { ...counted, log: logSize(file) };
    const answer = await request();
    t.ok(answer.status < 300, `${name}: ${answer.status} ${answer.text.slice(0, 100)}`);
    costs[name] = {
      statements: counted.statements - before.statements,
      rows: counted.rows - before.rows,
      pages: (logSize(file) - before.log) / (4096 + 24),
    };
  }
  return costs;
}

const logSize = (file: string) => statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;

const counted = { statements: 0, rows: 0 };

/** Counts the statements of all connections of this process, and the rows that they return. */
function countStatements(): void {
  const memory = new Database(':memory:');
  const prototype = Object.getPrototypeOf(memory.prepare('select 1'));
  for (const method of ['all', 'get', 'run']) {
    const original = prototype[method];
    prototype[method] = function (...values: unknown[]) {
      const result = original.apply(this, values);
      counted.statements += 1;
      if (method === 'all') counted.rows += result.length;
      if (method === 'get' && result !== undefined) counted.rows += 1;
      return result;
    };
  }
  memory.close();
}

countStatements();

/** What grows all the same, and why. */
const exceptions: Record<string, readonly string[]> = {
  // The first request reads which chats these are; later ones find them in the cache.
  'chats of the user': ['the list of chats', 'the newest page'],
  // Their unread counts are corrected in portions.
  'members of the chat': ['a deletion'],
};

/** A full page that splits changes its parent too. */
const split = 2;

for (const [name, grow] of Object.entries(growing)) {
  t.test(`no request costs more with twice as many ${name}`, async (t) => {
    const [once, twice] = [await measure(t, grow, 300), await measure(t, grow, 600)];
    const grown = Object.entries(twice).filter(([request, { statements, rows, pages }]) => {
      const expected = once[request] as Cost;
      return (
        statements !== expected.statements ||
        rows !== expected.rows ||
        pages > expected.pages + split
      );
    });
    t.strictSame(
      grown.map(([request]) => request),
      exceptions[name] ?? [],
      JSON.stringify(Object.fromEntries(grown)),
    );
  });
}
