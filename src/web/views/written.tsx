import { balanced } from '../lib/bidi.ts';

/** A name or a text that somebody wrote, within a line of ours: its direction stays its own. */
export function Written({ text }: { text: string }) {
  return <bdi>{balanced(text)}</bdi>;
}
