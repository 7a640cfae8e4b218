/** Long work is done in portions, each one unit of work, and a portion in steps. */
import type { Unit } from './unit-of-work.ts';

/**
 * Repeats a step until nothing is left for it, or the unit has taken long enough: others wait for it.
 * At least one step is done.
 *
 * @param size how many rows a step changes at most; some milliseconds' worth on a slow machine.
 * @param step returns how many rows it has changed.
 * @returns whether nothing is left.
 */
export async function inSteps(
  unit: Pick<Unit, 'hasTime'>,
  size: number,
  step: (limit: number) => Promise<number>,
): Promise<boolean> {
  do {
    if ((await step(size)) < size) return true;
  } while (unit.hasTime());
  return false;
}
