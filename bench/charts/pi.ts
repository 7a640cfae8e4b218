/** How long people wait for a server on a small computer. */
import type { Measured } from '../targets.ts';
import { drawBars } from './bars.ts';

export const title = 'On a small computer';

export function drawPi(measured: Measured): string | undefined {
  const bar = (label: string, name: string) => ({ label, values: measured.values('pi', name) });
  return drawBars(title, 'ms until the answer', [
    bar('a message: every second one', 'post p50 ms'),
    bar('a message: 99 of 100', 'post p99 ms'),
    bar('a page: every second one', 'page p50 ms'),
    bar('a page: 99 of 100', 'page p99 ms'),
  ]);
}
