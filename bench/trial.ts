/** A trial is one set of measurements: `npm run bench -- <name>`. */
import type { Lab } from './lab.ts';
import type { Round } from './measure.ts';
import type { Settings } from './settings.ts';

export interface Trial {
  readonly name: string;
  /** Whether three fifths of the rounds are enough: it has many servers, or steady figures. */
  readonly few?: boolean;
  /** About how long it takes, in s. */
  lasts(settings: Settings): number;
  run(lab: Lab): Promise<Findings>;
}

export interface Findings {
  /** Why nothing was measured, if this machine does not allow it. */
  readonly skipped?: string;
  /** Servers under the same load, by the name of the load. */
  readonly comparisons?: Readonly<Record<string, Comparison>>;
  /** Other figures, one value for each round. */
  readonly values?: Readonly<Record<string, readonly number[]>>;
}

export interface Comparison {
  readonly title: string;
  /** The load generator's name. */
  readonly load: string;
  /** Whether it slept while waiting for answers, although it should not. */
  readonly sleeps: boolean;
  /** Requests in progress at once. */
  readonly connections: number;
  readonly rounds: readonly Round[];
  /** By the name of the server. */
  readonly memory: Readonly<Record<string, Memory>>;
}

/** In bytes: before the load, after it, and at its peak. */
export interface Memory {
  readonly idle: number;
  readonly after: number;
  readonly peak: number;
}
