/** Measures servers under the same load, and what they use of the machine. */
import type { Lab } from './lab.ts';
import { loadGenerator } from './load.ts';
import { measureRounds, type Pace } from './measure.ts';
import type { BenchRequest, Workload } from './requests.ts';
import type { Server } from './server.ts';
import type { Settings } from './settings.ts';
import type { Comparison, Memory } from './trial.ts';

/** A server to be measured. */
export interface Contestant {
  readonly server: Server;
  /** Its own requests, if they differ from the others'. */
  readonly pool?: readonly BenchRequest[];
  readonly background?: () => () => Promise<void>;
}

/** How to measure, where it differs from the settings. */
export interface Manner extends Partial<Pace> {
  /** Whether the servers need the load generator's core too. */
  readonly sharesCore?: boolean;
}

export async function compare(
  lab: Lab,
  { title }: Pick<Workload, 'title'>,
  pool: readonly BenchRequest[],
  contestants: Readonly<Record<string, Contestant>>,
  { sharesCore = false, ...pace }: Manner = {},
): Promise<Comparison> {
  const entries = Object.entries(contestants);
  const shared = await loadGenerator(pool, lab, sharesCore);
  const targets = await mapEntries(entries, async ({ pool: own, ...rest }) => {
    return { ...rest, load: own ? await loadGenerator(own, lab, sharesCore) : shared };
  });
  const whole = { ...lab.settings, ...pace };
  const rounds = await measureRounds(targets, whole, lab.random);
  const memory = await mapEntries(entries, async ({ server }): Promise<Memory> => {
    const { now: after, peak } = server.memory();
    return { idle: server.idle, after, peak };
  });
  const { name: load, sleeps } = shared;
  const { connections } = whole;
  return { title, load, sleeps: sleeps && !sharesCore, connections, rounds, memory };
}

/** About how long it takes to measure this number of servers in one workload, in s. */
export function roundsLast({ rounds, seconds }: Settings, servers: number): number {
  return (rounds + 1) * servers * (seconds + 0.3) + 10;
}

async function mapEntries<From, To>(
  entries: readonly [string, From][],
  map: (value: From) => Promise<To>,
): Promise<Record<string, To>> {
  const mapped: Record<string, To> = {};
  for (const [name, value] of entries) mapped[name] = await map(value);
  return mapped;
}
