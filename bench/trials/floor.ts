/** Snug against the floor, in one workload. */
import { type Contestant, compare, roundsLast } from '../compare.ts';
import type { SnugOptions } from '../lab.ts';
import type { Workload } from '../requests.ts';
import type { Trial } from '../trial.ts';

interface Options {
  /** Snug with other options than by default, measured too. */
  readonly others?: Readonly<Record<string, SnugOptions>>;
  /** Overrides the settings. */
  readonly connections?: number;
  /** Whether to watch the event loop. */
  readonly watch?: boolean;
  readonly few?: boolean;
}

export function againstFloor(workload: Workload, options: Options = {}): Trial {
  const { others = {}, watch = false, few = false, ...pace } = options;
  return {
    name: workload.name,
    few,
    lasts: (settings) => roundsLast(settings, 2 + Object.keys(others).length),
    run: async (lab) => {
      const file = await lab.copy();
      const pool = lab.pool(workload, file);
      const snug = await lab.snug(file, { watch });
      const contestants: Record<string, Contestant> = {
        floor: { server: await lab.floor(snug, pool) },
        snug: { server: snug },
      };
      for (const [name, options] of Object.entries(others)) {
        contestants[name] = { server: await lab.snug(await lab.copy(), options) };
      }
      const comparison = await compare(lab, workload, pool, contestants, pace);
      return { comparisons: { [workload.name]: comparison } };
    },
  };
}
