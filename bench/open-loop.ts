/** The open-loop load: requests that come at a stated rate, whether or not others are answered. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Lab } from './lab.ts';
import { loadCore } from './load.ts';
import { keepTrack } from './processes.ts';
import type { Random } from './random.ts';
import type { BenchRequest } from './requests.ts';
import type { Server } from './server.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('open-generator.ts', import.meta.url));

export interface OpenLoad {
  /** Requests per second, on average. */
  readonly rate: number;
  readonly seconds: number;
  /** How many connections are open when it begins; more are opened when all of them are in use. */
  readonly connections: number;
  /** Determines which requests are sent, and when. */
  readonly seed: number;
  /** Whether it sleeps between requests, because others need its core too. */
  readonly sleeps: boolean;
}

/** Response times from the moment when a request was due, in ms. */
export interface Times {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

export interface OpenResult {
  readonly posts: Times;
  readonly reads: Times;
  /** How much later than due requests were sent: the 99th percentile, in ms. */
  readonly late: number;
  /** The share of its core that the generator used, from 0 to 1. */
  readonly share: number;
}

/**
 * When requests are due, in ms from the start. They arrive independently of each other, as those of
 * many people do (a Poisson process): at times several come at once.
 */
export function dueTimes({ rate, seconds }: Pick<OpenLoad, 'rate' | 'seconds'>, random: Random) {
  const times: number[] = [];
  const pause = () => (-Math.log(1 - random.next()) / rate) * 1000;
  for (let due = pause(); due < seconds * 1000; due += pause()) times.push(due);
  return times;
}

/** The requests of a workload, ready to be sent at any rate. */
export class OpenLoop {
  readonly #file: string;

  constructor(pool: readonly BenchRequest[], lab: Pick<Lab, 'newFile'>) {
    this.#file = lab.newFile('requests.json');
    writeFileSync(this.#file, JSON.stringify(pool));
  }

  /** @throws if any answer is not a success, or does not come. */
  async run(server: Pick<Server, 'url'>, load: OpenLoad): Promise<OpenResult> {
    const { result } = await this.start(server, load);
    return result;
  }

  /** Resolves when the load begins: until then the generator needs its core to warm up. */
  async start({ url }: Pick<Server, 'url'>, load: OpenLoad) {
    const args = [script, new URL(url).port, this.#file, JSON.stringify(load)];
    const running = run('taskset', ['-c', loadCore, process.execPath, ...args]);
    const { stdout } = keepTrack(running.child);
    const result = running.then((output) => resultIn(output.stdout));
    // Awaited later; until then, a failure must not count as an unhandled rejection.
    result.catch(() => undefined);
    if (stdout !== null) await Promise.race([once(stdout, 'data'), result]);
    return { result };
  }
}

/** The result in what the generator prints, which is a line when it begins and one when it ends. */
export function resultIn(output: string): OpenResult {
  return JSON.parse(output.split('\n')[1] ?? '');
}
