/** The open-loop load: requests that come at a stated rate, whether or not others are answered. */
import { execFile } from 'node:child_process';
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

/** The generator prints it as one line of JSON. */
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
  async run({ url }: Pick<Server, 'url'>, load: OpenLoad): Promise<OpenResult> {
    const args = [script, new URL(url).port, this.#file, JSON.stringify(load)];
    const running = run('taskset', ['-c', loadCore, process.execPath, ...args]);
    keepTrack(running.child);
    return JSON.parse((await running).stdout);
  }
}
