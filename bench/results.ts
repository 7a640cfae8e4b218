/** The results of all trials, in a file that the next run adds to. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Sample } from './measure.ts';
import { cpuModel } from './proc.ts';
import type { Settings } from './settings.ts';
import type { Comparison, Findings } from './trial.ts';

/** The settings that affect the figures. */
const counting = [
  'messages',
  'sizes',
  'rounds',
  'seconds',
  'connections',
  'rates',
  'streams',
  'idleStreams',
  'seed',
] as const satisfies (keyof Settings)[];

/** What a trial measured, and on which machine. */
export interface Conditions {
  /** Identifies the state of the sources. */
  readonly program: string;
  readonly settings: Pick<Settings, (typeof counting)[number]>;
  readonly machine: string;
}

export interface Result extends Findings, Conditions {
  /** When the trial ended, and how long it took, in s. */
  readonly at: string;
  readonly took: number;
}

/** By the name of the trial. */
export type Results = Readonly<Record<string, Result>>;

export function conditionsOf(settings: Settings, program: string): Conditions {
  const chosen = Object.fromEntries(counting.map((name) => [name, settings[name]]));
  const machine = `${cpuModel()}, ${availableParallelism()} cores, Node ${process.version}`;
  return { program, settings: chosen as Conditions['settings'], machine };
}

export function hasConditions(result: Conditions | undefined, conditions: Conditions): boolean {
  const text = ({ program, settings, machine }: Conditions) =>
    JSON.stringify([program, settings, machine]);
  return result !== undefined && text(result) === text(conditions);
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
  // Written to a new file first: a run that is stopped at this moment must not lose older results.
  writeFileSync(`${file}.new`, JSON.stringify(results, shorten, 1));
  renameSync(`${file}.new`, file);
  return results;
}

export function comparisonsOf(results: Results): Readonly<Record<string, Comparison>> {
  return Object.assign({}, ...Object.values(results).map(({ comparisons }) => comparisons));
}

/** The ratio of one figure of two servers, for each round. */
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

/** Figures have at most six significant digits. */
function shorten(_: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isInteger(value)) return value;
  return Number(value.toPrecision(6));
}
