import { canonicalName } from '../../users/canonical.ts';
import type { Chat } from '../lib/wire.ts';

interface Props {
  readonly name: string;
  /**
   * The chat that the avatar is for; absent for a user. A direct chat shows the other user's
   * avatar.
   */
  readonly chat?: Pick<Chat, 'id' | 'direct'>;
}

/** Made once: it takes as long as drawing an avatar. */
const characters = new Intl.Segmenter();

/**
 * A circle with an initial. A user's colour depends on their name, so it is the same everywhere.
 */
export function Avatar({ name, chat }: Props) {
  const [first] = characters.segment(name);
  const hue = chat === undefined || chat.direct ? hueOf(canonicalName(name)) : chat.id;
  return (
    <span class="avatar" data-hue={hue % 8} dir="auto" aria-hidden="true">
      {first?.segment.toLocaleUpperCase()}
    </span>
  );
}

function hueOf(name: string): number {
  let sum = 0;
  for (const character of name) sum = (31 * sum + (character.codePointAt(0) ?? 0)) % 1_000_003;
  return sum;
}
