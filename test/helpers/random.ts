import type { Test } from 'tap';

/** The seed of a run that names none. */
const usualSeed = 0x5eed_5eed;

/**
 * The seed of a random test, printed in its output. It is the same in every run, so that a commit
 * always gets the same result. SEED=random explores; SEED=7 repeats a failure found with 7.
 */
export function seedOf(t: Test): number {
  const wanted = process.env.SEED ?? usualSeed;
  const seed = wanted === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(wanted);
  t.comment(`SEED=${seed}`);
  return seed;
}

/** Numbers from 0 up to 1, always the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
