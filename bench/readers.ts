/** Readers of event streams, in their own process; streams.ts sends them orders over IPC. */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { cookieOf } from './requests.ts';
import { quantile } from './statistics.ts';
import type { Delivery, Opening, Order, Posting } from './streams.ts';

/**
 * Occurs once in each message and in nothing else that the server sends. It is a single byte, so
 * that it cannot be split between two reads.
 */
const mark = '~';
const markByte = mark.charCodeAt(0);
const content = `This is about as long as most messages in a chat, not more ${mark}`;

/** How many streams are opened at once. */
const together = 100;

/** How long to wait for all streams to receive a message, in ms. */
const patience = 30_000;

/** The read buffer of all sockets, which take turns. */
const buffer = Buffer.alloc(256 * 1024);

/** One open stream. */
interface Reader {
  readonly socket: Socket;
  /** How many messages it has yet to receive. */
  missing: number;
}

const agent = new Agent({ keepAlive: true });
const readers: Reader[] = [];
let rooms: Opening['rooms'] = [];
let port = 0;
let started = 0;
let left = 0;
let times: number[] = [];
let lastTimes: number[] = [];
let allReceived = () => {};

process.on('message', async (order: Order) => {
  process.send?.(await obey(order));
});

async function obey(order: Order): Promise<Delivery | number> {
  if (order.kind === 'open') await openAll(order);
  if (order.kind === 'post') return postRepeatedly(order);
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

/** Resolves at the first line: from then on the stream receives all events. */
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
  if (--left > 0) return;
  lastTimes.push(performance.now() - started);
  allReceived();
}

/** Posts, waits until all streams have received it, and posts again. */
async function postRepeatedly({ posts, seconds }: Posting): Promise<Delivery> {
  times = [];
  lastTimes = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) await postOnce(posts);
  const took = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    rate: (times.length * posts) / took,
    p99: quantile(times, 0.99),
    last: quantile(lastTimes, 0.99),
    share: (user + system) / 1e6 / took,
  };
}

async function postOnce(posts: number): Promise<void> {
  for (const reader of readers) reader.missing = posts;
  left = readers.length;
  const received = new Promise<void>((resolve, reject) => {
    allReceived = resolve;
    setTimeout(reject, patience, new Error(`${left} streams did not receive it`)).unref();
  });
  started = performance.now();
  const orders = rooms.flatMap((room) => Array.from({ length: posts }, () => post(room)));
  await Promise.all([received, ...orders]);
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
