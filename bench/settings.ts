/** The settings of a benchmark run, read from environment variables. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Settings {
  /** Messages in the database. */
  readonly messages: number;
  /** Messages in each of the databases that `growth` compares, smallest first. */
  readonly sizes: readonly number[];
  /** How many times each server is measured in each trial. */
  readonly rounds: number;
  /** How long one measurement takes, in s. */
  readonly seconds: number;
  /** Requests in progress at once. */
  readonly connections: number;
  /** Requests per second of `open-loop`. */
  readonly rates: readonly number[];
  /** Open streams that receive messages, and idle ones. */
  readonly streams: number;
  readonly idleStreams: number;
  readonly seed: number;
  /** The folder for databases; on a RAM disk an fsync would cost nothing. */
  readonly folder: string;
  /** Where the figures are written. */
  readonly results: string;
  /** Whether to install the peers and to measure them too. */
  readonly peers: boolean;
  /** Whether to skip trials that were measured already, with the same program and settings. */
  readonly resume: boolean;
}

export function readSettings(env: Record<string, string | undefined>): Settings {
  const whole = (name: string, standard: number) => readWhole(name, env[name] || `${standard}`);
  const list = (name: string, standard: string) =>
    (env[name] || standard)
      .split(',')
      .map((text) => readWhole(name, text))
      .sort((a, b) => a - b);
  return {
    messages: whole('BENCH_MESSAGES', 1_000_000),
    sizes: list('BENCH_SIZES', '10000,1000000,10000000'),
    rounds: whole('BENCH_ROUNDS', 15),
    seconds: whole('BENCH_SECONDS', 3),
    connections: whole('BENCH_CONNECTIONS', 64),
    rates: list('BENCH_RATES', '500,2000'),
    streams: whole('BENCH_STREAMS', 5_000),
    idleStreams: whole('BENCH_IDLE_STREAMS', 10_000),
    seed: whole('BENCH_SEED', 1),
    folder: env.BENCH_FOLDER || join(tmpdir(), 'snug-bench'),
    results: env.BENCH_RESULTS || fileURLToPath(new URL('results', import.meta.url)),
    peers: env.BENCH_PEERS === '1',
    resume: env.BENCH_RESUME === '1',
  };
}

/** A number as in the tables: 1,000,000. */
export function nameSize(count: number): string {
  return count.toLocaleString('en');
}

function readWhole(name: string, text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw new Error(`${name} must be a whole number of at least 1; it is "${text}".`);
}
