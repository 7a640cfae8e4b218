/** The program on bare sockets, and the system resources that it uses. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { hashToken, newToken } from '../../src/sessions/tokens.ts';
import { outside } from './database.ts';
import { RemotePerson, type ServerProcess, startServer } from './server.ts';
import { tempFolder } from './world.ts';

/**
 * Loaded into the program. At SIGWINCH its event loop stops until a file `go` exists next to
 * the database; at SIGURG it collects garbage and prints the size of its heap.
 */
const inside = `data:text/javascript,
  import { existsSync, writeSync } from 'node:fs';
  const never = new Int32Array(new SharedArrayBuffer(4));
  process.on('SIGWINCH', () => {
    writeSync(1, 'standing still\\n');
    while (!existsSync(process.env.DATABASE_URL.replace('snug.db', 'go'))) Atomics.wait(never, 0, 0, 10);
  });
  let count = 0;
  process.on('SIGURG', () => {
    gc();
    writeSync(1, 'heap ' + ++count + ': ' + process.memoryUsage().heapUsed + ' bytes\\n');
  });
`;

/** The program on a new file. */
export async function start(t: Test, options: Parameters<typeof startServer>[2] = {}) {
  const file = join(await tempFolder(t), 'snug.db');
  const nodeArgs = ['--expose-gc', '--import', inside];
  return { ...(await startServer(t, file, { nodeArgs, ...options })), file };
}

/** alice and a chat of hers, over real connections. */
export async function startChat({ url }: ServerProcess) {
  const alice = await new RemotePerson(url).register('alice');
  const answer = await alice.send('POST', '/api/chats', { title: 'Sunday hike' });
  return { alice, chat: String(answer.headers.get('location')) };
}

/** How many files and connections the process has open. */
export const descriptors = ({ child }: ServerProcess) =>
  readdirSync(`/proc/${child.pid}/fd`).length;

/** The resident memory of the process, in bytes. */
export function residence({ child }: ServerProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** The heap in use by the process, in bytes. */
export async function heap({ child, output, wrote }: ServerProcess): Promise<number> {
  const count = output().split(/heap \d+: /).length;
  child.kill('SIGURG');
  const [, bytes] = await wrote(new RegExp(`heap ${count}: (\\d+) bytes`));
  return Number(bytes);
}

/** Resolves once `isTrue`; rejects after longer than any machine needs. */
export async function until(what: string, isTrue: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`timed out waiting for ${what}`);
    await sleep(20);
  }
}

/** A connection, and the text received on it. */
export interface Connection {
  readonly socket: Socket;
  text: string;
}

export async function dial(
  t: Test,
  { url, host = '127.0.0.1' }: { url: string; host?: string },
  bytes = '',
): Promise<Connection> {
  const socket = connect(Number(new URL(url).port), host);
  const connection = { socket, text: '' };
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.setEncoding('utf8').on('data', (data) => (connection.text += data));
  await once(socket, 'connect');
  if (bytes !== '') socket.write(bytes);
  return connection;
}

/** Opens a connection per request, 100 at a time, each resolved when its answer has started. */
export async function dialMany(
  t: Test,
  server: { url: string },
  requests: string[],
): Promise<Connection[]> {
  const connections: Connection[] = [];
  for (let i = 0; i < requests.length; i += 100) {
    const some = requests.slice(i, i + 100).map((bytes) => dial(t, server, bytes));
    const dialled = await Promise.all(some);
    await until('answers', () => dialled.every(({ text }) => text !== ''));
    connections.push(...dialled);
  }
  return connections;
}

/** Unlike `once`, it counts a reset as an end as well. */
export const closed = ({ socket }: Pick<Connection, 'socket'>) =>
  until('the end of a connection', () => socket.closed);

export const health = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
export const eventsOf = (cookie: string) =>
  `GET /api/events HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`;

/** Makes users in the database, without hashing a password for each; returns their cookies. */
export function makeUsers(t: Test, file: string, count: number): string[] {
  const sqlite = outside(t, file);
  const user = sqlite.prepare(
    `insert into users (name, name_key, email, email_key, password_hash, role, created_at)
     select ?, ?, ?, ?, password_hash, 'user', created_at from users limit 1 returning id`,
  );
  const session = sqlite.prepare(
    `insert into sessions (user_id, token_hash, device, created_at, last_seen_at)
     values (?, ?, '', ?, ?)`,
  );
  const make = (_: unknown, i: number) => {
    const name = `user${i}`;
    const { id } = user.get(name, name, name, name) as { id: number };
    const token = newToken();
    session.run(id, hashToken(token), Date.now(), Date.now());
    return `user_id=${id}; token=${token}`;
  };
  return sqlite.transaction(() => Array.from({ length: count }, make))();
}

/** Runs a program with a limit of file descriptors. */
export const withDescriptors = (limit: number) => [
  'sh',
  '-c',
  `ulimit -n ${limit}; exec "$@"`,
  'sh',
];

/** Asserts that a new user can register, sign in and post. */
export async function servesNewUser(t: Test, { url }: ServerProcess, name: string): Promise<void> {
  const person = await new RemotePerson(url).register(name);
  const made = await person.send('POST', '/api/chats', { title: 'Sunday hike' });
  t.equal(made.status, 201);
  const chat = String(made.headers.get('location'));
  t.equal((await person.send('POST', chat, { content: 'Hi' })).status, 201);
  t.match(await (await person.get(chat)).text(), '"content":"Hi"');
  t.equal((await fetch(`${url}/healthz`)).status, 200);
}
