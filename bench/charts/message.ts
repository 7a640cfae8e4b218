/** The CPU time of a message, and that of other servers for one. */
import type { Measured } from '../targets.ts';
import { type Bar, drawBars } from './bars.ts';
import { peerBars } from './peers.ts';

export const title = 'A message';

/** Messages in progress at once. */
const counts = [1, 8, 64];

export function drawMessage(measured: Measured): string | undefined {
  const cpu = (name: string, server: string) => measured.server(name, server, (s) => s.cpu);
  const bars: Bar[] = counts.map((count) => ({
    label: count === 1 ? 'one at a time' : `${count} at once`,
    values: cpu(`batches-${count}`, 'snug'),
  }));
  return drawBars(title, 'µs of CPU until it is on the disk', [
    ...bars,
    ...peerBars(measured, 'peers-post'),
  ]);
}
