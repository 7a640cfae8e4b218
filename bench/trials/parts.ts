/** What each part brings that makes Snug fast: Snug without it, on this disk and on slower ones. */
import { type Contestant, compare, roundsLast } from '../compare.ts';
import type { Lab, SnugOptions } from '../lab.ts';
import { slowFsync } from '../library.ts';
import type { Pace } from '../measure.ts';
import type { Settings } from '../settings.ts';
import type { Comparison, Trial } from '../trial.ts';
import { mixed } from '../workloads/mixed.ts';
import { fewStreams, figuresOf, play, sceneLasts } from './fan-out.ts';

/** What each fsync takes beside what the disk takes, in ms. */
const delays = [0, 2, 10];

const without: Readonly<Record<string, SnugOptions>> = {
  'without group commit': { variant: 'single' },
  'writing in the thread that serves': { variant: 'oneThread' },
  'with nothing kept': { env: { CACHE_MB: '0' } },
  'with pages and lists not kept': { variant: 'readAnew' },
  'with pages and lists dropped by posts': { variant: 'dropped' },
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
    const title = `${fewStreams.title}, each told in words of its own`;
    return {
      comparisons,
      values: figuresOf(title, await play(lab, fewStreams, { variant: 'apart' })),
    };
  },
};

/** A third of the rounds, each three times as long: what is kept must be there first. */
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
