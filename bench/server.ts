/** Starts the measured servers, each in its own process on the first core. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { cpuSeconds, memory, threadSeconds } from './proc.ts';
import { keepTrack } from './processes.ts';

/** The core of the servers; the load generator has the next one. */
const core = '0';

/** How long to wait for an answer or an exit, in ms. */
const patience = 60_000;

/** Time for what a start leaves for later, in ms: Snug's writer and first maintenance. */
const settling = 3_000;

export interface Server {
  readonly url: string;
  readonly pid: number;
  /** CPU time used so far by all of its threads, in seconds. */
  cpuSeconds(): number;
  /** The same to the nanosecond, without threads that have ended. */
  threadSeconds(): number;
  /** Resident memory after its start, once it has settled, in bytes. */
  readonly idle: number;
  /** Resident memory, now, at its peak, and without the files it maps, in bytes. */
  memory(): { now: number; peak: number; anonymous: number };
  /** The longest delay of its event loop since the last call, in ms, if it is watched. */
  held(): Promise<number | undefined>;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly env?: Record<string, string>;
  /** The cores that it may use, in the notation of taskset. */
  readonly cores?: string;
  /** Whether to watch its event loop. */
  readonly watch?: boolean;
  readonly folder?: string;
}

/** Starts a program, discards its log, and waits until it answers. */
export async function startServer(args: string[], options: StartOptions): Promise<Server> {
  const { env = {}, cores = core, watch = false, folder } = options;
  const port = await freePort();
  const child = keepTrack(
    spawn('taskset', ['-c', cores, process.execPath, ...nodeOptions(watch), ...args], {
      env: { PATH: process.env.PATH, PORT: String(port), NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'ignore', 'inherit', ...(watch ? (['ipc'] as const) : [])],
      cwd: folder,
    }),
  );
  const url = `http://127.0.0.1:${port}`;
  await answering(child, url);
  await wait(settling);
  // taskset replaces itself with node, so this is node's pid.
  const pid = Number(child.pid);
  return {
    url,
    pid,
    idle: memory(pid).now,
    cpuSeconds: () => cpuSeconds(pid),
    threadSeconds: () => threadSeconds(pid),
    memory: () => memory(pid),
    held: async () => (watch ? askWatch(child) : undefined),
    stop: () => stop(child),
  };
}

/** With the options of BENCH_NODE_OPTIONS, for example `--cpu-prof`. */
function nodeOptions(watch: boolean): string[] {
  const extra = process.env.BENCH_NODE_OPTIONS?.split(' ') ?? [];
  const watching = watch ? ['--import', new URL('watch.ts', import.meta.url).href] : [];
  return ['--disable-sigusr1', ...extra, ...watching];
}

async function askWatch(child: ChildProcess): Promise<number> {
  const answer = once(child, 'message');
  child.send('held?');
  const [held] = await answer;
  return held;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}

/** Sends requests until one is answered, with any status: the server listens then. */
async function answering(child: ChildProcess, url: string): Promise<void> {
  const late = performance.now() + patience;
  while (child.exitCode === null && performance.now() < late) {
    try {
      await fetch(`${url}/healthz`);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error(`a server does not answer; its exit code is ${child.exitCode}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const last = setTimeout(() => child.kill('SIGKILL'), patience);
  await exited;
  clearTimeout(last);
}
