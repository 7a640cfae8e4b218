/** A household's server on a small computer: a slow core, a slow disk, four people. */
import { CpuQuota } from '../cpu-quota.ts';
import type { Lab } from '../lab.ts';
import { slowFsync } from '../library.ts';
import { OpenLoop } from '../open-loop.ts';
import type { Workload } from '../requests.ts';
import type { Settings } from '../settings.ts';
import type { Findings, Trial } from '../trial.ts';
import { newest } from '../workloads/newest.ts';
import { post } from '../workloads/post.ts';

/** The server's share of one core of this machine. */
const share = 0.25;

/** Added to each fsync, in ms, as an SD card takes it. */
const delay = 20;

const people = 4;

/** Requests per second of all of them. */
const rate = 8;

/** Somebody posts, and the three others read it. */
const conversation: Workload = {
  name: 'conversation',
  title: 'a conversation',
  request: (random, world) => (random.below(people) === 0 ? post : newest).request(random, world),
};

export const pi: Trial = {
  name: 'pi',
  lasts: (settings) => lengths(settings).warmUp + lengths(settings).measured + 10,
  run: async (lab) => {
    let quota: CpuQuota;
    try {
      quota = CpuQuota.create(share);
    } catch (error) {
      return { skipped: `no CPU quota on this machine (${(error as Error).message})` };
    }
    try {
      return await measure(lab, quota);
    } finally {
      await lab.clear();
      quota.remove();
    }
  },
};

/** In s. One long measurement instead of rounds: a few seconds have too few posts for a p99. */
function lengths({ rounds, seconds }: Settings) {
  return { warmUp: 5 * seconds, measured: 5 * seconds * rounds };
}

async function measure(lab: Lab, quota: CpuQuota): Promise<Findings> {
  const file = await lab.copy();
  const loop = new OpenLoop(
    lab.pool(conversation, file, ({ userId }) => userId <= people),
    lab,
  );
  const server = await lab.snug(file, { env: slowFsync(lab, delay) });
  quota.add(server.pid);
  const { warmUp, measured } = lengths(lab.settings);
  const load = { rate, connections: people, sleeps: true, seed: lab.random.below(2 ** 31) };
  await loop.run(server, { ...load, seconds: warmUp });
  const { posts, reads } = await loop.run(server, { ...load, seconds: measured });
  return {
    values: {
      'post p50 ms': [posts.p50],
      'post p99 ms': [posts.p99],
      'page p50 ms': [reads.p50],
      'page p99 ms': [reads.p99],
    },
  };
}
