/** The program as people run it: the bundle in a separate process, reached over HTTP. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

export const bundle = fileURLToPath(new URL('../../dist/snug.mjs', import.meta.url));

export interface SnugProcess {
  readonly child: ChildProcess;
  /** Resolves with the exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** Its output so far, to stdout and stderr. */
  output(): string;
  /** Its output so far, to stderr only. */
  errors(): string;
  /** Resolves with the match once its output matches. */
  wrote(pattern: RegExp): Promise<RegExpExecArray>;
}

export interface ServerProcess extends SnugProcess {
  readonly url: string;
  /** Sends a signal and resolves with the exit code, or the name of the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

interface Options {
  readonly env?: Record<string, string>;
  /** The command to run `node` under another program. */
  readonly wrapper?: readonly string[];
  /** Options of `node` itself. */
  readonly nodeArgs?: readonly string[];
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Its standard input. */
  readonly input?: string;
  /** The user that it runs as; only root may choose. */
  readonly uid?: number;
}

/** Removes the modules that tap loads into every Node, which have their own signal handlers. */
const withoutTap = ['env', '-u', 'NODE_OPTIONS'];

/** Starts the program without waiting for anything; it ends with the test at the latest. */
export function spawnSnug(t: Test, options: Options): SnugProcess {
  const { env = {}, wrapper = [], nodeArgs = [], args = ['serve'], cwd, uid, input = '' } = options;
  const node = [...withoutTap, process.execPath, ...nodeArgs];
  const [command = '', ...rest] = [...wrapper, ...node, bundle, ...args];
  const child = spawn(command, rest, {
    env: { PATH: process.env.PATH, PORT: '0', RATE_LIMIT: 'off', DISK_RESERVE_MB: 'off', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
    ...(uid !== undefined && { uid }),
  });
  // It may end before it has read its input.
  child.stdin.on('error', () => undefined).end(input);
  let text = '';
  let errorText = '';
  let written = Promise.withResolvers<void>();
  const append = (data: Buffer) => {
    text += data;
    written.resolve();
    written = Promise.withResolvers();
  };
  child.stdout.on('data', append);
  child.stderr.on('data', (data: Buffer) => {
    errorText += data;
    append(data);
  });
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const output = () => text;
  const wrote = async (pattern: RegExp) => {
    for (;;) {
      const match = pattern.exec(text);
      if (match !== null) return match;
      await Promise.race([written.promise, failOn(exited, output)]);
    }
  };
  return { child, exited, output, errors: () => errorText, wrote };
}

/** Runs a command on `file` to its end. */
export async function runSnug(
  t: Test,
  file: string,
  args: readonly string[],
  options: Options = {},
) {
  const env = { DATABASE_URL: file, ...options.env };
  const { exited, output, errors } = spawnSnug(t, { ...options, args, env });
  const code = await exited;
  return { code, output: output(), errors: errors() };
}

/** Rejects if the program ends. */
async function failOn(exited: Promise<number | string>, output: () => string): Promise<never> {
  const code = await exited;
  throw new Error(`the server ended with ${code}: ${output()}`);
}

/** Starts a server on `file` and waits until it listens. */
export async function startServer(
  t: Test,
  file: string,
  options: Options = {},
): Promise<ServerProcess> {
  const env = { DATABASE_URL: file, ...options.env };
  const started = spawnSnug(t, { ...options, env });
  const [, url = ''] = await started.wrote(/listening at (http:\/\/[^\s"]+)/);
  const end = (signal: NodeJS.Signals) => {
    started.child.kill(signal);
    return started.exited;
  };
  return { ...started, url, end };
}

/** A person with a real connection. */
export class RemotePerson {
  readonly url: string;
  cookie = '';

  constructor(url: string) {
    this.url = url;
  }

  async register(name: string): Promise<this> {
    const fields = {
      name,
      password: 'correct horse battery',
      email: `${encodeURIComponent(name)}@example.org`,
    };
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
