import { setTimeout as sleep } from 'node:timers/promises';

/** The shortest pause between two portions, in ms. */
const leastPause = 5;

/**
 * Does long work one portion at a time. The pauses are as long as the portions, so that everybody
 * who has waited for one portion is served before the next.
 *
 * @param portion one unit of work; returns whether more is left.
 * @param signal ends the work after the portion that is under way.
 */
export async function inPortions(
  portion: () => Promise<boolean>,
  signal?: AbortSignal,
): Promise<void> {
  while (signal?.aborted !== true) {
    const startedAt = performance.now();
    if (!(await portion())) return;
    await pause(Math.max(leastPause, performance.now() - startedAt), signal);
  }
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal && { signal });
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}
