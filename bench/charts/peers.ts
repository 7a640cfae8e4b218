/** The bars of other servers, and of Snug in the same minutes. */
import type { Measured } from '../targets.ts';
import type { Bar } from './bars.ts';

const others = ['express-prepared', 'express', 'feathers', 'koa'];

/** The CPU time of a request; those that are as durable as Snug. */
export function peerBars(measured: Measured, comparison: string): Bar[] {
  const cpu = (server: string) => measured.server(comparison, server, (sample) => sample.cpu);
  return [
    { label: 'side by side: Snug', values: cpu('snug') },
    ...others.map((name) => ({
      label: `side by side: ${name}`,
      values: cpu(`${name}, full`),
      isOther: true,
    })),
  ];
}
