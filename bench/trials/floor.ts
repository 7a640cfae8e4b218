/** Snug against the floor, in one workload. */
import type { Variant } from '../bundle.ts';
import { type Contestant, compare, roundsLast } from '../compare.ts';
import type { Workload } from '../requests.ts';
import type { Trial } from '../trial.ts';

interface Options {
  /** Snug as it is not, measured too. */
  readonly variants?: readonly Variant[];
  /** Other than the settings say. */
  readonly connections?: number;
  /** Whether to watch the event loop. */
  readonly watch?: boolean;
}

export function againstFloor(workload: Workload, options: Options = {}): Trial {
  const { variants = [], watch = false, ...pace } = options;
  return {
    name: workload.name,
    lasts: (settings) => roundsLast(settings, 2 + variants.length),
    run: async (lab) => {
      const file = await lab.copy();
      const pool = lab.pool(workload, file);
      const snug = await lab.snug(file, { watch });
      const contestants: Record<string, Contestant> = {
        floor: { server: await lab.floor(snug, pool) },
        snug: { server: snug },
      };
      for (const variant of variants) {
        contestants[variant] = { server: await lab.snug(await lab.copy(), { variant }) };
      }
      const comparison = await compare(lab, workload, pool, contestants, pace);
      return { comparisons: { [workload.name]: comparison } };
    },
  };
}
