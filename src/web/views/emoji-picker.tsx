import { useSignal } from '@preact/signals';
import { texts } from '../texts/index.ts';

interface Emoji {
  readonly unicode: string;
  readonly label: string;
  readonly tags?: readonly string[];
  readonly group?: number;
}

/** In emojibase, parts of other emoji (hair, skin) are a group of their own; it is left out. */
const components = 2;

const { default: data } = await (texts.language === 'de'
  ? import('emojibase-data/de/compact.json', { with: { type: 'json' } })
  : import('emojibase-data/en/compact.json', { with: { type: 'json' } }));
const all = (data as Emoji[]).filter(({ group }) => group !== undefined && group !== components);

/** Shown before anything is searched for. */
const common = ['👍', '❤️', '😂', '🎉', '😮', '😢', '🙏', '👀'];

/** As many are shown at once: more than one looks through. */
const shownLimit = 160;

export function EmojiPicker({ onPick }: { onPick: (emoji: string) => void }) {
  const query = useSignal('');
  const found = all.filter((emoji) => fits(emoji, query.value.trim().toLocaleLowerCase()));
  return (
    <div class="emoji">
      <input
        type="search"
        aria-label={texts.emojiSearch}
        placeholder={texts.emojiSearch}
        value={query}
        onInput={(event) => (query.value = event.currentTarget.value)}
      />
      <div class="emoji-grid">
        {query.value === '' &&
          common.map((emoji) => (
            <Choice key={`common ${emoji}`} emoji={emoji} label={emoji} onPick={onPick} />
          ))}
        {found.slice(0, shownLimit).map(({ unicode, label }) => (
          <Choice key={unicode} emoji={unicode} label={label} onPick={onPick} />
        ))}
      </div>
    </div>
  );
}

interface ChoiceProps {
  readonly emoji: string;
  readonly label: string;
  readonly onPick: (emoji: string) => void;
}

function Choice({ emoji, label, onPick }: ChoiceProps) {
  return (
    <button type="button" aria-label={label} title={label} onClick={() => onPick(emoji)}>
      {emoji}
    </button>
  );
}

function fits({ label, tags = [] }: Emoji, wanted: string): boolean {
  return [label, ...tags].some((word) => word.toLocaleLowerCase().includes(wanted));
}
