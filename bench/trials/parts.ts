/** The gain from each part that makes Snug fast: Snug without it, on this disk and slower ones. */
import { type Contestant, compare, roundsLast } from '../compare.ts';
import type { Lab, SnugOptions } from '../lab.ts';
import { slowFsync } from '../library.ts';
import type { Pace } from '../measure.ts';
import type { Settings } from '../settings.ts';
import type { Comparison, Trial } from '../trial.ts';
import { mixed } from '../workloads/mixed.ts';
import { fewStreams, figuresOf, play, sceneLasts } from './fan-out.ts';

/** Added to each fsync, in ms. */
const delays = [0, 2, 10];

const without: Readonly<Record<string, SnugOptions>> = {
  'without group commit': { variant: 'single' },
  'writing in the main thread': { variant: 'oneThread' },
  'without the cache': { env: { CACHE_MB: '0' } },
  'without cached pages and lists': { variant: 'uncachedPages' },
  'with pages and lists invalidated by posts': { variant: 'invalidated' },
};

export const parts: Trial = {
  name: 'parts',
  lasts: (settings) => {
    const servers = 2 + Object.keys(without).length;
    const measuring = roundsLast({ ...settings, ...longRounds(settings) }, servers);
    return delays.length * measuring + sceneLasts(settings, fewStreams);
  },
  run: async (lab) => {
    const comparisons: Record<string, Comparison> = {};
    for (const delay of delays) {
      comparisons[`parts-${delay}`] = await measure(lab, delay);
      await lab.clear();
    }
    // The same scene as in `fan-out`.
    const title = `${fewStreams.title}, each event serialised for each stream`;
    return {
      comparisons,
      values: figuresOf(title, await play(lab, fewStreams, { variant: 'perStream' })),
    };
  },
};

/** A third of the rounds, each three times as long, so that the cache is warm for most of it. */
function longRounds({ rounds, seconds }: Settings): Pick<Pace, 'rounds' | 'seconds'> {
  return { rounds: Math.ceil(rounds / 3), seconds: 3 * seconds };
}

async function measure(lab: Lab, delay: number): Promise<Comparison> {
  const slow = delay === 0 ? {} : slowFsync(lab, delay);
  const file = await lab.copy();
  const pool = lab.pool(mixed, file);
  const snug = await lab.snug(file, { env: slow });
  const contestants: Record<string, Contestant> = {
    floor: { server: await lab.floor(snug, pool) },
    snug: { server: snug },
  };
  for (const [name, { env, ...options }] of Object.entries(without)) {
    const server = await lab.snug(await lab.copy(), { ...options, env: { ...env, ...slow } });
    contestants[name] = { server };
  }
  const title = delay === 0 ? `${mixed.title} again` : `${mixed.title}, +${delay} ms`;
  return compare(lab, { title }, pool, contestants, longRounds(lab.settings));
}
