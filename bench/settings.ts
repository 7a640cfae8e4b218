/** What a run of the benchmark may be told by its environment. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Settings {
  /** Messages in the database. */
  readonly messages: number;
  /** How often each server is measured in each workload. */
  readonly rounds: number;
  /** How long one measurement takes. */
  readonly seconds: number;
  /** How many requests are under way at once. */
  readonly connections: number;
  readonly seed: number;
  /** Where databases lie; on a disk in memory an fsync would cost nothing. */
  readonly folder: string;
}

export function readSettings(env: Record<string, string | undefined>): Settings {
  const whole = (name: string, standard: number) => readWhole(name, env[name], standard);
  return {
    messages: whole('BENCH_MESSAGES', 1_000_000),
    rounds: whole('BENCH_ROUNDS', 15),
    seconds: whole('BENCH_SECONDS', 5),
    connections: whole('BENCH_CONNECTIONS', 64),
    seed: whole('BENCH_SEED', 1),
    folder: env.BENCH_FOLDER || join(tmpdir(), 'snug-bench'),
  };
}

function readWhole(name: string, text: string | undefined, standard: number): number {
  if (!text) return standard;
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw new Error(`${name} must be a whole number from 1 on; it is "${text}".`);
}
