/** A server under measurement, in a process of its own on the first core. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { cpuSeconds, memory } from './proc.ts';

/** The core of the servers; the load generator has the next one. */
const core = '0';

export interface Server {
  readonly url: string;
  /** CPU time used so far by all of its threads, in seconds. */
  cpuSeconds(): number;
  /** Resident memory now and at its highest, in bytes. */
  memory(): { now: number; peak: number };
  stop(): Promise<void>;
}

/** Starts a bundle with its log thrown away, and waits until it answers. */
export async function startServer(args: string[], env: Record<string, string>): Promise<Server> {
  const port = await freePort();
  const child = spawn(
    'taskset',
    ['-c', core, process.execPath, '--disable-sigusr1', ...nodeOptions(), ...args],
    {
      env: { PATH: process.env.PATH, PORT: String(port), ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const url = `http://127.0.0.1:${port}`;
  await answering(child, url);
  // taskset becomes node, so this is node's own.
  const pid = Number(child.pid);
  return {
    url,
    cpuSeconds: () => cpuSeconds(pid),
    memory: () => memory(pid),
    stop: () => stop(child),
  };
}

/** For a closer look at the servers: BENCH_NODE_OPTIONS="--cpu-prof". */
function nodeOptions(): string[] {
  return process.env.BENCH_NODE_OPTIONS?.split(' ') ?? [];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}

/** Asks until there is an answer, whichever: the server listens then. */
async function answering(child: ChildProcess, url: string): Promise<void> {
  while (child.exitCode === null) {
    try {
      await fetch(`${url}/healthz`);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error(`a server ended with ${child.exitCode} instead of starting`);
}

async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
