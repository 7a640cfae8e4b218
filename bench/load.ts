/** The load: connections that each send the next request as soon as they have an answer. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Lab } from './lab.ts';
import { compileLibrary } from './library.ts';
import { keepTrack } from './processes.ts';
import { type BenchRequest, bytesOf } from './requests.ts';

/** The core of the load generator; the servers have the first one. */
export const loadCore = '1';

const run = promisify(execFile);
const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export interface Load {
  readonly connections: number;
  readonly seconds: number;
  /** Determines which requests are sent, and in which order. */
  readonly seed: number;
}

/** The result of the load generator; both kinds print it as one line of JSON. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Responses other than a success, and broken connections. */
  readonly failures: number;
  /** Median and 99th percentile of the response time, in ms. */
  readonly p50: number;
  readonly p99: number;
  /** How long the load generator itself was busy, in seconds. */
  readonly busy: number;
}

export interface LoadGenerator {
  readonly name: string;
  /** Whether it sleeps while waiting; waking it then costs the server CPU time. */
  readonly sleeps: boolean;
  run(url: string, load: Load): Promise<LoadResult>;
}

/**
 * wrk if it is installed: it uses a fraction of the server's CPU time, and with a C compiler it
 * never sleeps. Otherwise autocannon, which uses more.
 *
 * @param sharesCore whether others need its core too, so that it has to sleep.
 */
export async function loadGenerator(
  pool: readonly BenchRequest[],
  lab: Pick<Lab, 'newFile'>,
  sharesCore = false,
): Promise<LoadGenerator> {
  const file = lab.newFile('requests');
  if (!(await hasWrk())) return autocannon(pool, file);
  return wrk(pool, file, sharesCore ? undefined : neverSleep(lab));
}

async function hasWrk(): Promise<boolean> {
  // wrk -v exits with 1.
  return run('wrk', ['-v']).then(
    () => true,
    ({ code }) => code !== 'ENOENT',
  );
}

/** @returns undefined if there is no C compiler. */
function neverSleep(lab: Pick<Lab, 'newFile'>): string | undefined {
  try {
    return compileLibrary('never-sleep', lab.newFile('never-sleep.so'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function wrk(
  pool: readonly BenchRequest[],
  file: string,
  library: string | undefined,
): LoadGenerator {
  // ASCII 30 separates records and occurs in none of them.
  writeFileSync(file, pool.map(bytesOf).join('\x1e'));
  return {
    name: 'wrk',
    sleeps: library === undefined,
    run: (url, { connections, seconds, seed }) => {
      const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s'];
      const args = [...options, '-s', script('wrk.lua'), url, '--', file, `${seed}`];
      return onCore('wrk', args, library);
    },
  };
}

function autocannon(pool: readonly BenchRequest[], file: string): LoadGenerator {
  writeFileSync(file, JSON.stringify(pool));
  return {
    name: 'autocannon',
    sleeps: true,
    run: (url, load) =>
      onCore(process.execPath, [script('autocannon.ts'), url, file, JSON.stringify(load)]),
  };
}

async function onCore(command: string, args: string[], preload = ''): Promise<LoadResult> {
  const env = { ...process.env, LD_PRELOAD: preload };
  const running = run('taskset', ['-c', loadCore, command, ...args], { env });
  keepTrack(running.child);
  const { stdout } = await running;
  const line = stdout.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`${command} printed no result: ${stdout}`);
  return JSON.parse(line);
}
