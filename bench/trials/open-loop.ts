/** Response times at a stated rate, as people cause it, not at saturation. */
import type { Lab } from '../lab.ts';
import { inRandomOrder, inRounds } from '../measure.ts';
import { OpenLoop, type OpenResult } from '../open-loop.ts';
import type { Server } from '../server.ts';
import { nameSize, type Settings } from '../settings.ts';
import { byName } from '../statistics.ts';
import type { Trial } from '../trial.ts';
import { mixed } from '../workloads/mixed.ts';

/** Open from the beginning, like those of people who are there. */
const connections = 256;

export const openLoop: Trial = {
  name: 'open-loop',
  lasts: (settings) => {
    const { rounds, seconds } = longRounds(settings);
    return settings.rates.length * (rounds + 1) * 2 * (seconds + 1) + 15;
  },
  run: async (lab) => {
    const file = await lab.copy();
    const pool = lab.pool(mixed, file);
    const snug = await lab.snug(file);
    const servers = { snug, floor: await lab.floor(snug, pool) };
    const loop = new OpenLoop(pool, lab);
    const rounds: Record<string, number>[] = [];
    for (const rate of lab.settings.rates)
      rounds.push(...(await measure(lab, loop, servers, rate)));
    return { values: byName(rounds) };
  },
};

/** A third of the rounds, each three times as long, so that each has enough posts for a p99. */
function longRounds({ rounds, seconds }: Settings): Pick<Settings, 'rounds' | 'seconds'> {
  return { rounds: Math.ceil(rounds / 3), seconds: 3 * seconds };
}

/** One server after the other, in random order. */
async function measure(
  lab: Lab,
  loop: OpenLoop,
  servers: Readonly<Record<string, Server>>,
  rate: number,
): Promise<Record<string, number>[]> {
  const { rounds, seconds } = longRounds(lab.settings);
  const samples = await inRounds(rounds, () => {
    const load = { rate, seconds, seed: lab.random.below(2 ** 31), connections, sleeps: false };
    return inRandomOrder(Object.entries(servers), lab.random, ([name, server]) =>
      sampleOf(`${nameSize(rate)}/s: ${name}`, loop.run(server, load)),
    );
  });
  return samples.flat();
}

async function sampleOf(title: string, running: Promise<OpenResult>) {
  const { posts, reads, late, share } = await running;
  return {
    [`${title}: posts p50 ms`]: posts.p50,
    [`${title}: posts p99 ms`]: posts.p99,
    [`${title}: reads p50 ms`]: reads.p50,
    [`${title}: reads p99 ms`]: reads.p99,
    [`${title}: sent late, p99 ms`]: late,
    [`${title}: generator’s share of its core`]: share,
  };
}
