/** Long work is done in portions, each one unit of work, and each portion in steps. */
import type { Unit } from './unit-of-work.ts';

/**
 * Repeats a step until nothing is left, or the unit has taken long enough, because other mutations
 * wait for it. Does at least one step.
 *
 * @param size the most rows that one step changes; a few milliseconds' worth on a slow machine.
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
