/**
 * The open-loop load generator, in its own process; see open-loop.ts for its arguments.
 *
 * A response time counts from the moment when the request was due. If it counted from the sending,
 * a slow answer would delay the next requests, and their wait would not show (coordinated omission).
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dueTimes, type OpenLoad, type OpenResult, type Times } from './open-loop.ts';
import { Random } from './random.ts';
import { type BenchRequest, bytesOf } from './requests.ts';
import { quantile } from './statistics.ts';

/** How long to wait for the last answers, in ms. */
const patience = 30_000;

const headEnd = '\r\n\r\n';

/** The read buffer of all connections, which take turns. */
const buffer = Buffer.alloc(256 * 1024);

/** A connection that stays open, and its request in progress. */
interface Connection {
  readonly socket: Socket;
  /** When the request was due, in ms after the start. */
  due: number;
  isPost: boolean;
  /** The head of the answer, as far as it has arrived. */
  head: string;
  /** How many bytes of its body are missing. */
  missing: number;
}

const [port = '', file = '', text = ''] = process.argv.slice(2);
const load: OpenLoad = JSON.parse(text);
const random = new Random(load.seed);
const pool: BenchRequest[] = random.shuffle(JSON.parse(readFileSync(file, 'utf8')));
const requests = pool.map((request) => ({
  bytes: bytesOf(request),
  isPost: request.method === 'POST',
}));
const due = dueTimes(load, random);
const idle: Connection[] = [];
const times: Record<'posts' | 'reads' | 'late', number[]> = { posts: [], reads: [], late: [] };
/** How many answers are awaited in all, and what happens when the last one has come. */
let awaited = load.connections;
let allAnswered = Promise.withResolvers<void>();
let sent = 0;
let answered = 0;
/** Whether anything was sent or received in this turn, and the time of all such turns, in ms. */
let isBusy = false;
let busy = 0;
let started = performance.now();
let lastTurn = started;

await warmUp();
console.log('begins');
const cpu = process.cpuUsage();
[started, lastTurn] = [performance.now(), performance.now()];
turn();
await allAnswered.promise;
const took = performance.now() - started;
const { user, system } = process.cpuUsage(cpu);
const result: OpenResult = {
  posts: summary(times.posts),
  reads: summary(times.reads),
  late: quantile(times.late, 0.99),
  share: (load.sleeps ? (user + system) / 1000 : busy) / took,
};
console.log(JSON.stringify(result));
process.exit();

/** Opens connections, as people have them open, and sends a request on each that does not count. */
async function warmUp(): Promise<void> {
  for (let n = 0; n < load.connections; n++) send(0, n);
  await allAnswered.promise;
  for (const list of Object.values(times)) list.length = 0;
  [awaited, answered, allAnswered] = [due.length, 0, Promise.withResolvers<void>()];
}

function summary(list: readonly number[]): Times {
  return { count: list.length, p50: quantile(list, 0.5), p99: quantile(list, 0.99) };
}

/** It polls unless others need the core: timers are too coarse, and waking costs the server time. */
function turn(): void {
  const now = performance.now();
  if (isBusy) busy += now - lastTurn;
  [isBusy, lastTurn] = [false, now];
  for (; (due[sent] ?? Infinity) <= now - started; sent++) send(due[sent] ?? 0, sent);
  if (!load.sleeps) setImmediate(turn);
  else if (sent < due.length) setTimeout(turn, started + (due[sent] ?? 0) - now);
}

/** On a connection that is idle, or on a new one: no request waits for the answer to another. */
function send(at: number, index: number): void {
  isBusy = true;
  const { bytes, isPost } = requests[index % requests.length] as (typeof requests)[number];
  const connection = idle.pop() ?? open();
  Object.assign(connection, { due: at, isPost });
  connection.socket.write(bytes, 'latin1');
  times.late.push(performance.now() - started - at);
  if (index === due.length - 1) setTimeout(fail, patience, 'the last answers did not come');
}

function open(): Connection {
  const onread = {
    buffer,
    callback: (length: number) => {
      take(connection, length);
      return true;
    },
  };
  const socket = connect({ port: Number(port), host: '127.0.0.1', onread });
  const connection = { socket, due: 0, isPost: false, head: '', missing: 0 };
  socket.setNoDelay();
  socket.on('error', fail);
  socket.on('close', () => forget(connection));
  return connection;
}

/** The server may close a connection that is idle for long. */
function forget(connection: Connection): void {
  const place = idle.indexOf(connection);
  if (place === -1) fail('the server closed a connection while a request was in progress');
  idle.splice(place, 1);
}

function take(connection: Connection, length: number): void {
  isBusy = true;
  if (connection.missing > 0) connection.missing -= length;
  else takeHead(connection, buffer.toString('latin1', 0, length));
  if (connection.missing > 0 || connection.head !== '') return;
  const list = connection.isPost ? times.posts : times.reads;
  list.push(performance.now() - started - connection.due);
  idle.push(connection);
  if (++answered === awaited) allAnswered.resolve();
}

function takeHead(connection: Connection, part: string): void {
  connection.head += part;
  const { head } = connection;
  const end = head.indexOf(headEnd);
  if (end === -1) return;
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (!head.startsWith('HTTP/1.1 2') || length === undefined) fail(head);
  connection.missing = Number(length) - (head.length - end - headEnd.length);
  connection.head = '';
}

function fail(reason: unknown): never {
  console.error('the open-loop load failed:', reason);
  process.exit(1);
}
