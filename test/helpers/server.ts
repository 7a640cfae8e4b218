/** The program as people run it: the bundle in a process of its own, reached over HTTP. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

export const bundle = fileURLToPath(new URL('../../dist/snug.mjs', import.meta.url));

export interface ServerProcess {
  readonly child: ChildProcess;
  readonly url: string;
  /** What it has written so far. */
  output(): string;
  /** Sends a signal and resolves with the exit code, or the name of the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

interface Options {
  readonly env?: Record<string, string>;
  /** Put before `node`, to run it under another program. */
  readonly wrapper?: readonly string[];
  readonly args?: readonly string[];
}

/** Starts the program without waiting for anything; it ends with the test at the latest. */
export function spawnSnug(t: Test, { env = {}, wrapper = [], args = ['serve'] }: Options) {
  const [command = '', ...rest] = [...wrapper, process.execPath, bundle, ...args];
  const child = spawn(command, rest, {
    env: { PATH: process.env.PATH, PORT: '0', RATE_LIMIT: 'off', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout?.on('data', (data) => (text += data));
  child.stderr?.on('data', (data) => (text += data));
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return { child, exited, output: () => text };
}

/** Starts a server on `file` and waits until it listens. */
export async function startServer(
  t: Test,
  file: string,
  options: Options = {},
): Promise<ServerProcess> {
  const env = { DATABASE_URL: file, ...options.env };
  const { child, exited, output } = spawnSnug(t, { ...options, env });
  const url = await Promise.race([
    listening(child, output),
    exited.then((code) => {
      throw new Error(`the server ended with ${code}: ${output()}`);
    }),
  ]);
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };
  return { child, url, output, end };
}

async function listening(child: ChildProcess, output: () => string): Promise<string> {
  for (;;) {
    const address = /listening at (http:\/\/[^\s"]+)/.exec(output())?.[1];
    if (address !== undefined) return address;
    await once(child.stdout ?? child, 'data');
  }
}

/** A person on the other end of a real connection. */
export class RemotePerson {
  readonly url: string;
  cookie = '';

  constructor(url: string) {
    this.url = url;
  }

  async register(name: string): Promise<this> {
    const fields = { name, password: 'correct horse battery', email: `${name}@example.org` };
    const answer = await this.send('POST', '/api/user', fields);
    if (answer.status !== 201) throw new Error(`${name} is not registered: ${await answer.text()}`);
    this.cookie = answer.headers
      .getSetCookie()
      .map((cookie) => cookie.split(';')[0])
      .join('; ');
    return this;
  }

  async get(path: string): Promise<Response> {
    return fetch(this.url + path, { headers: { cookie: this.cookie } });
  }

  async send(method: string, path: string, fields: Record<string, string>): Promise<Response> {
    const body = new URLSearchParams(fields);
    return fetch(this.url + path, { method, headers: { cookie: this.cookie }, body });
  }
}
