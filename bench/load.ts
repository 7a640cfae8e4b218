/** The load: so many connections that each ask again as soon as they are answered. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { keepTrack } from './processes.ts';
import { type BenchRequest, bytesOf } from './requests.ts';

/** The core of the load generator; the servers have the first. */
export const loadCore = '1';

const run = promisify(execFile);
const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export interface Load {
  readonly connections: number;
  readonly seconds: number;
  /** Which of the requests come, in which order. */
  readonly seed: number;
}

/** What the load generator tells in the end; both kinds write it as one line of JSON. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Answers that are no success, and connections that broke. */
  readonly failures: number;
  /** Times to the answer that half of the requests, and all but 1 % of them, stay under, in ms. */
  readonly p50: number;
  readonly p99: number;
  /** CPU time of the load generator itself, in seconds. */
  readonly cpu: number;
}

export interface LoadGenerator {
  readonly name: string;
  run(url: string, load: Load): Promise<LoadResult>;
}

/**
 * wrk where there is one: it costs a fraction of what the server does. autocannon costs more.
 *
 * @param file where to write the requests.
 */
export async function loadGenerator(
  pool: readonly BenchRequest[],
  file: string,
): Promise<LoadGenerator> {
  return (await hasWrk()) ? wrk(pool, file) : autocannon(pool, file);
}

async function hasWrk(): Promise<boolean> {
  // wrk -v ends with 1.
  return run('wrk', ['-v']).then(
    () => true,
    ({ code }) => code !== 'ENOENT',
  );
}

function wrk(pool: readonly BenchRequest[], file: string): LoadGenerator {
  // ASCII 30 separates records and occurs in none of them.
  writeFileSync(file, pool.map(bytesOf).join('\x1e'));
  return {
    name: 'wrk',
    run: async (url, { connections, seconds, seed }) => {
      const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s'];
      return onCore('wrk', [...options, '-s', script('wrk.lua'), url, '--', file, `${seed}`]);
    },
  };
}

function autocannon(pool: readonly BenchRequest[], file: string): LoadGenerator {
  writeFileSync(file, JSON.stringify(pool));
  return {
    name: 'autocannon',
    run: (url, load) =>
      onCore(process.execPath, [script('autocannon.ts'), url, file, JSON.stringify(load)]),
  };
}

async function onCore(command: string, args: string[]): Promise<LoadResult> {
  const running = run('taskset', ['-c', loadCore, command, ...args]);
  keepTrack(running.child);
  const { stdout } = await running;
  const line = stdout.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`${command} has told nothing: ${stdout}`);
  return JSON.parse(line);
}
