import type { Test } from 'tap';

/** Of a run that names no seed. */
const usualSeed = 0x5eed_5eed;

/**
 * The seed of a random test, which its output names. Every run has the same one, so that the tests
 * of a commit give one answer. SEED=random explores; SEED=7 repeats what was found with 7.
 */
export function seedOf(t: Test): number {
  const wish = process.env.SEED ?? usualSeed;
  const seed = wish === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(wish);
  t.comment(`SEED=${seed}`);
  return seed;
}

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
