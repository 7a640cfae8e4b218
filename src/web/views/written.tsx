import { balanced } from '../lib/bidi.ts';

/**
 * A user-written name or text within a line of the client, isolated so that it keeps its direction.
 */
export function Written({ text }: { text: string }) {
  return <bdi>{balanced(text)}</bdi>;
}
