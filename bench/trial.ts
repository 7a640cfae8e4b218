/** One thing that is measured: `npm run bench -- <name>`. */
import type { Lab } from './lab.ts';
import type { Round } from './measure.ts';
import type { Settings } from './settings.ts';

export interface Trial {
  readonly name: string;
  /** Whether three fifths of the rounds are enough: its servers are many, or its figures steady. */
  readonly few?: boolean;
  /** About how long it takes, without the filling of databases, in s. */
  lasts(settings: Settings): number;
  run(lab: Lab): Promise<Findings>;
}

export interface Findings {
  /** Servers under the same load, each by the name of the load. */
  readonly comparisons?: Readonly<Record<string, Comparison>>;
  /** Anything else, measured once in each round. */
  readonly values?: Readonly<Record<string, readonly number[]>>;
}

export interface Comparison {
  readonly title: string;
  /** The load generator's name. */
  readonly load: string;
  /** Whether it slept until it was answered, though it should not. */
  readonly sleeps: boolean;
  /** How many requests were under way at once. */
  readonly connections: number;
  readonly rounds: readonly Round[];
  /** Of each server. */
  readonly memory: Readonly<Record<string, Memory>>;
}

/** In bytes: before the load, after it, and at the highest. */
export interface Memory {
  readonly idle: number;
  readonly after: number;
  readonly peak: number;
}
