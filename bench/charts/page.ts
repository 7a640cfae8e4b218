/** The CPU time of what people read, and that of other servers for a page. */
import type { Measured } from '../targets.ts';
import { type Bar, drawBars } from './bars.ts';

export const title = 'A page';

const others = ['express-prepared', 'express', 'feathers', 'koa'];

export function drawPage(measured: Measured): string | undefined {
  const cpu = (name: string, server = 'snug') => measured.server(name, server, (s) => s.cpu);
  const peers: Bar[] = others.map((name) => ({
    label: `newest 50 messages: ${name}`,
    values: cpu('peers-newest', `${name}, full`),
    isOther: true,
  }));
  return drawBars(title, 'µs of CPU', [
    { label: 'newest 50 messages', values: cpu('newest') },
    { label: 'newest 50 messages, not in memory', values: cpu('newest', 'not cached') },
    { label: '50 messages far back', values: cpu('back') },
    { label: 'list of chats', values: cpu('list') },
    { label: 'list of chats, not in memory', values: cpu('list', 'not cached') },
    ...peers,
  ]);
}
