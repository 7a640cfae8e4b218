import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { qualifiedEmoji } from '../../messages/emoji.ts';
import { isComposing, isTouch } from '../lib/keys.ts';
import { texts } from '../texts/index.ts';

interface Emoji {
  readonly unicode: string;
  readonly label: string;
  readonly tags?: readonly string[];
  readonly group?: number;
}

/** The emojibase group of emoji components (hair, skin), which are left out. */
const components = 2;

const { default: data } = await (texts.language === 'de'
  ? import('emojibase-data/de/compact.json', { with: { type: 'json' } })
  : import('emojibase-data/en/compact.json', { with: { type: 'json' } }));
const all = (data as Emoji[])
  .filter(({ group }) => group !== undefined && group !== components)
  .map((emoji) => ({ ...emoji, unicode: qualifiedEmoji(emoji.unicode) }));

/** Shown first until the user searches. */
const common = ['👍', '❤️', '😂', '🎉', '😮', '😢', '🙏', '👀'];

/** The maximum number shown at once, more than anybody looks through. */
const shownLimit = 160;

/** How far each key moves in the grid of 8 columns. */
const steps: Record<string, number> = {
  ArrowRight: 1,
  ArrowLeft: -1,
  ArrowDown: 8,
  ArrowUp: -8,
};

export function EmojiPicker({ onPick }: { onPick: (emoji: string) => void }) {
  const query = useSignal('');
  const input = useRef<HTMLInputElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const found = all.filter((emoji) => fits(emoji, query.value.trim().toLocaleLowerCase()));
  useLayoutEffect(() => {
    // On a touch screen the focus would open a keyboard over the emoji.
    if (!isTouch()) input.current?.focus();
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return;
    const buttons = [...(grid.current?.querySelectorAll('button') ?? [])];
    if (event.target === input.current) {
      if (event.key === 'Enter') buttons[0]?.click();
      else if (event.key === 'ArrowDown') buttons[0]?.focus();
      else return;
    } else {
      const step = steps[event.key];
      if (step === undefined) return;
      const next = buttons.indexOf(event.target as HTMLButtonElement) + step;
      (next < 0 ? input.current : buttons[next])?.focus();
    }
    event.preventDefault();
  };
  return (
    <fieldset class="emoji" aria-label={texts.emoji} onKeyDown={onKeyDown}>
      <input
        ref={input}
        // For the dialog, if the emoji are loaded before it opens.
        autofocus={!isTouch()}
        type="search"
        dir="auto"
        aria-label={texts.emojiSearch}
        placeholder={texts.emojiSearch}
        value={query}
        onInput={(event) => (query.value = event.currentTarget.value)}
      />
      <div class="emoji-grid" ref={grid}>
        {query.value === '' &&
          common.map((emoji) => (
            <Choice key={`common ${emoji}`} emoji={emoji} label={emoji} onPick={onPick} />
          ))}
        {found.slice(0, shownLimit).map(({ unicode, label }) => (
          <Choice key={unicode} emoji={unicode} label={label} onPick={onPick} />
        ))}
      </div>
    </fieldset>
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
