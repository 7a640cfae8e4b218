/** Readers of event streams, in a process of their own; told over IPC what to do, see streams.ts. */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { cookieOf } from './requests.ts';
import type { Opening, Order, Telling, Told } from './streams.ts';

/** Each message has it once, and nothing else that is sent does: so it cannot be cut in two. */
const mark = '~';
const markByte = mark.charCodeAt(0);
const content = `This is about as long as most messages in a chat, not more ${mark}`;

/** So many streams are opened at once. */
const together = 100;

/** Whoever was not told after this, in ms, never will be. */
const patience = 30_000;

/** All sockets read into it, one after another. */
const buffer = Buffer.alloc(256 * 1024);

/** One open stream. */
interface Reader {
  readonly socket: Socket;
  /** How many messages it has still to be told of. */
  missing: number;
}

const agent = new Agent({ keepAlive: true });
const readers: Reader[] = [];
let rooms: Opening['rooms'] = [];
let port = 0;
let started = 0;
let left = 0;
let times: number[] = [];
let allTold = () => {};

process.on('message', async (order: Order) => {
  process.send?.(await obey(order));
});

async function obey(order: Order): Promise<Told | number> {
  if (order.kind === 'open') await openAll(order);
  if (order.kind === 'tell') return tell(order);
  return readers.filter(({ socket }) => !socket.destroyed).length;
}

async function openAll(opening: Opening): Promise<void> {
  ({ port, rooms } = opening);
  const cookies = rooms.flatMap(({ userIds }) => userIds).map(cookieOf);
  const all = cookies.flatMap((cookie) => Array<string>(opening.each).fill(cookie));
  for (let i = 0; i < all.length; i += together) {
    await Promise.all(all.slice(i, i + together).map(open));
  }
}

/** Resolves when the first line has come: from then on it is told of everything. */
async function open(cookie: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onread = {
      buffer,
      callback: (length: number) => {
        resolve();
        take(reader, length);
        return true;
      },
    };
    const socket = connect({ port, host: '127.0.0.1', onread });
    const reader = { socket, missing: 0 };
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('a stream was refused')));
    socket.write(`GET /api/events HTTP/1.1\r\nhost: localhost\r\ncookie: ${cookie}\r\n\r\n`);
    readers.push(reader);
  });
}

function take(reader: Reader, length: number): void {
  if (reader.missing === 0) return;
  let at = buffer.indexOf(markByte);
  while (at !== -1 && at < length) {
    reader.missing--;
    at = buffer.indexOf(markByte, at + 1);
  }
  if (reader.missing > 0) return;
  times.push(performance.now() - started);
  if (--left === 0) allTold();
}

/** Posts, waits until everybody was told, and posts again. */
async function tell({ posts, seconds }: Telling): Promise<Told> {
  times = [];
  const cpu = process.cpuUsage();
  const begin = performance.now();
  while (performance.now() - begin < seconds * 1000) await tellOnce(posts);
  const took = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  times.sort((a, b) => a - b);
  return {
    rate: (times.length * posts) / took,
    p99: times[Math.ceil(times.length * 0.99) - 1] ?? 0,
    share: (user + system) / 1e6 / took,
  };
}

async function tellOnce(posts: number): Promise<void> {
  for (const reader of readers) reader.missing = posts;
  left = readers.length;
  const told = new Promise<void>((resolve, reject) => {
    allTold = resolve;
    setTimeout(reject, patience, new Error(`${left} streams were not told`)).unref();
  });
  started = performance.now();
  const orders = rooms.flatMap((room) => Array.from({ length: posts }, () => post(room)));
  await Promise.all([told, ...orders]);
}

async function post({ chatId, userIds }: Opening['rooms'][number]): Promise<void> {
  const posting = request({
    agent,
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: `/api/chats/${chatId}`,
    headers: {
      cookie: cookieOf(userIds[0] ?? 0),
      'content-type': 'application/x-www-form-urlencoded',
    },
  });
  posting.end(new URLSearchParams({ content }).toString().replaceAll('%7E', mark));
  const [answer] = await once(posting, 'response');
  answer.resume();
  await once(answer, 'end');
  if (answer.statusCode !== 201) throw new Error(`posting was answered with ${answer.statusCode}`);
}
