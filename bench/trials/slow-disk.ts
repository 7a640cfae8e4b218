/** The same workloads on slower disks: each fsync takes some ms more. */
import { type Contestant, compare, roundsLast } from '../compare.ts';
import type { Lab } from '../lab.ts';
import { slowFsync } from '../library.ts';
import type { Workload } from '../requests.ts';
import type { Comparison, Trial } from '../trial.ts';
import { mixed } from '../workloads/mixed.ts';
import { post } from '../workloads/post.ts';

/** Added to each fsync, in ms. */
const delays = [2, 10];

const workloads = [post, mixed];

export const slowDisk: Trial = {
  name: 'slow-disk',
  lasts: (settings) => workloads.length * roundsLast(settings, 1 + delays.length),
  run: async (lab) => {
    const comparisons: Record<string, Comparison> = {};
    for (const workload of workloads) {
      comparisons[`slow-disk-${workload.name}`] = await measure(lab, workload);
      await lab.clear();
    }
    return { comparisons };
  },
};

async function measure(lab: Lab, workload: Workload): Promise<Comparison> {
  const contestants: Record<string, Contestant> = {};
  const first = await lab.copy();
  const pool = lab.pool(workload, first);
  for (const delay of delays) {
    const file = delay === delays[0] ? first : await lab.copy();
    const server = await lab.snug(file, { env: slowFsync(lab, delay) });
    contestants.floor ??= { server: await lab.floor(server, pool) };
    contestants[`+${delay} ms`] = { server };
  }
  const title = `${workload.title}, slower fsync`;
  return compare(lab, { title }, pool, contestants);
}
