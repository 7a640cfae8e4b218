/** What was measured, as a file that the next run adds to. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Sample } from './measure.ts';
import { cpuModel } from './proc.ts';
import type { Settings } from './settings.ts';
import type { Comparison, Findings } from './trial.ts';

/** The settings that figures depend on. */
const counting = [
  'messages',
  'sizes',
  'rounds',
  'seconds',
  'connections',
  'streams',
  'idleStreams',
  'seed',
] as const satisfies (keyof Settings)[];

/** How a trial was made. */
export interface Making {
  /** Which state of the sources was measured. */
  readonly program: string;
  readonly settings: Pick<Settings, (typeof counting)[number]>;
  readonly machine: string;
}

export interface Result extends Findings, Making {
  /** When it ended, and how long it took, in s. */
  readonly at: string;
  readonly took: number;
}

/** By the names of the trials. */
export type Results = Readonly<Record<string, Result>>;

export function makingOf(settings: Settings, program: string): Making {
  const chosen = Object.fromEntries(counting.map((name) => [name, settings[name]]));
  const machine = `${cpuModel()}, ${availableParallelism()} cores, Node ${process.version}`;
  return { program, settings: chosen as Making['settings'], machine };
}

export function isSameMaking(result: Making | undefined, making: Making): boolean {
  const text = ({ program, settings, machine }: Making) =>
    JSON.stringify([program, settings, machine]);
  return result !== undefined && text(result) === text(making);
}

export function readResults(folder: string): Results {
  const file = fileIn(folder);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

/** Adds a trial to the file, or replaces it there. */
export function writeResult(folder: string, name: string, result: Result): Results {
  const results = { ...readResults(folder), [name]: result };
  mkdirSync(folder, { recursive: true });
  const file = fileIn(folder);
  // Whoever stops the run in this very moment shall not lose what was measured before.
  writeFileSync(`${file}.new`, JSON.stringify(results, shorten, 1));
  renameSync(`${file}.new`, file);
  return results;
}

export function comparisonsOf(results: Results): Readonly<Record<string, Comparison>> {
  return Object.assign({}, ...Object.values(results).map(({ comparisons }) => comparisons));
}

/** In each round, something of one server by the same of another. */
export function perRound(
  { rounds }: Comparison,
  name: string,
  other: string,
  of: (sample: Sample) => number = ({ rate }) => rate,
): number[] {
  return rounds.flatMap(({ [name]: one, [other]: two }) =>
    one === undefined || two === undefined ? [] : [of(one) / of(two)],
  );
}

function fileIn(folder: string): string {
  return join(folder, 'latest.json');
}

/** No figure has more than six digits that mean something. */
function shorten(_: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isInteger(value)) return value;
  return Number(value.toPrecision(6));
}
