import { setTimeout as sleep } from 'node:timers/promises';

/** How long a pause between two portions is at least, in ms. */
const leastPause = 5;

/**
 * Does long work a portion at a time. The pauses are as long as the portions, so that whoever has
 * waited for one is served before the next.
 *
 * @param portion one unit of work; returns whether more is left.
 * @param signal ends the work after the portion that is under way.
 */
export async function inPortions(
  portion: () => Promise<boolean>,
  signal?: AbortSignal,
): Promise<void> {
  while (signal?.aborted !== true) {
    const began = performance.now();
    if (!(await portion())) return;
    await pause(Math.max(leastPause, performance.now() - began), signal);
  }
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal && { signal });
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}
