/** Reading pages while each message of one chat goes out to many streams. */
import type { Lab } from '../lab.ts';
import { inRounds } from '../measure.ts';
import { OpenLoop } from '../open-loop.ts';
import { nameSize, type Settings } from '../settings.ts';
import { byName, sum } from '../statistics.ts';
import { makeRooms, Streams } from '../streams.ts';
import type { Trial } from '../trial.ts';
import { newest } from '../workloads/newest.ts';

/** Pages per second. */
const rate = 100;

/** The shares of the settings' streams that are open. */
const shares = [0.1, 1];

/** How much longer than pages are read messages are posted, in s, so that no page is without. */
const margin = 1;

export const delivery: Trial = {
  name: 'delivery',
  lasts: (settings) => sum(shares.map((share) => sceneLasts(settings, share))),
  run: async (lab) => {
    const rounds: Record<string, number>[] = [];
    for (const share of shares) {
      rounds.push(...(await play(lab, Math.round(lab.settings.streams * share))));
      await lab.clear();
    }
    return { values: byName(rounds) };
  },
};

function sceneLasts({ rounds, seconds, streams }: Settings, share: number): number {
  return (rounds + 1) * (seconds + margin + 1) + (streams * share) / 500 + 5;
}

async function play(lab: Lab, count: number): Promise<Record<string, number>[]> {
  const { rounds, seconds } = lab.settings;
  const file = await lab.copy();
  const rooms = lab.change(file, (sqlite) => makeRooms(sqlite, 1, count));
  const pages = new OpenLoop(lab.pool(newest, file), lab);
  const server = await lab.snug(file);
  const streams = await Streams.open(server.url, rooms);
  const title = `${nameSize(count)} streams`;
  try {
    return await inRounds(rounds, async () => {
      const { connections } = lab.settings;
      const seed = lab.random.below(2 ** 31);
      const load = { rate, seconds, connections, seed, sleeps: true };
      const { result } = await pages.start(server, load);
      const { last, share } = await streams.post(1, seconds + margin);
      const { reads, late } = await result;
      return {
        [`${title}: page p50 ms`]: reads.p50,
        [`${title}: page p99 ms`]: reads.p99,
        [`${title}: pages sent late, p99 ms`]: late,
        [`${title}: last stream p99 ms`]: last,
        [`${title}: readers’ share of their core`]: share,
      };
    });
  } finally {
    await streams.close();
  }
}
