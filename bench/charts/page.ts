/** The CPU time of what people read, and that of other servers for a page. */
import type { Measured } from '../targets.ts';
import { drawBars } from './bars.ts';
import { peerBars } from './peers.ts';

export const title = 'A page';

export function drawPage(measured: Measured): string | undefined {
  const cpu = (name: string, server = 'snug') => measured.server(name, server, (s) => s.cpu);
  return drawBars(title, 'µs of CPU', [
    { label: 'newest 50 messages', values: cpu('newest') },
    { label: 'newest 50 messages, not in memory', values: cpu('newest', 'not cached') },
    { label: '50 messages far back', values: cpu('back') },
    { label: 'list of chats', values: cpu('list') },
    { label: 'list of chats, not in memory', values: cpu('list', 'not cached') },
    ...peerBars(measured, 'peers-newest'),
  ]);
}
