/**
 * A random wait between 0.5 and 1.5 times the given one, so that clients that are sent away
 * together do not come back together.
 *
 * @param wait in ms; the result is in whole ms.
 */
export function jitter(wait: number): number {
  return Math.round(wait * (0.5 + Math.random()));
}
