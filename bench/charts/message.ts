/** The CPU time of a message, and that of other servers for one. */
import type { Measured } from '../targets.ts';
import { type Bar, drawBars } from './bars.ts';

export const title = 'A message';

const together = [1, 8, 64];
const others = ['express-prepared', 'express', 'feathers', 'koa'];

export function drawMessage(measured: Measured): string | undefined {
  const cpu = (name: string, server: string) => measured.server(name, server, (s) => s.cpu);
  const bars: Bar[] = together.map((count) => ({
    label: count === 1 ? 'alone' : `${count} at once`,
    values: cpu(`batches-${count}`, 'snug'),
  }));
  const peers: Bar[] = others.map((name) => ({
    label: `64 at once: ${name}`,
    values: cpu('peers-post', `${name}, full`),
    isOther: true,
  }));
  return drawBars(title, 'µs of CPU until it is on the disk', [...bars, ...peers]);
}
