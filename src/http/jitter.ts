/**
 * A wait of about this length, at random between half of it and one and a half: those who are sent
 * away together must not come back together.
 *
 * @param wait in ms, and so is the result, in whole ones.
 */
export function jitter(wait: number): number {
  return Math.round(wait * (0.5 + Math.random()));
}
