import { type Signal, useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { qualifiedEmoji } from '../../messages/emoji.ts';
import { holdComposed, isComposing, isTouch } from '../lib/keys.ts';
import { load, save } from '../lib/store.ts';
import { texts } from '../texts/index.ts';

interface Emoji {
  readonly unicode: string;
  readonly label: string;
  readonly tags?: readonly string[];
  readonly group?: number;
  /** The same with skin tones: one for each person in it, so these may be mixed. */
  readonly skins?: readonly Emoji[];
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
const common = ['👍', '❤️', '😂', '🎉', '😮', '😢', '🙏', '👀'].flatMap(
  (emoji) => all.find(({ unicode }) => unicode === emoji) ?? [],
);

const modifier = /\p{Emoji_Modifier}/gu;

/** The skin tones, which are emoji themselves, and none. */
const tones = [
  { unicode: '', label: texts.noSkinTone },
  ...(data as Emoji[]).filter(({ unicode }) => unicode.replace(modifier, '') === ''),
];

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
  const tone = useSignal(load('tone', ''));
  const input = useRef<HTMLInputElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const found = all.filter((emoji) => fits(emoji, query.value.trim().toLocaleLowerCase()));
  useLayoutEffect(() => {
    // On a touch screen the focus would open a keyboard over the emoji.
    if (!isTouch()) input.current?.focus();
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    // The picker may stand in a form, which the Enter would submit.
    if (isComposing(event)) return holdComposed(event);
    const buttons = [...(grid.current?.querySelectorAll('button') ?? [])];
    if (event.target === input.current) {
      if (event.key === 'Enter') buttons[0]?.click();
      else if (event.key === 'ArrowDown') buttons[0]?.focus();
      else return;
    } else {
      const step = steps[event.key];
      const at = buttons.indexOf(event.target as HTMLButtonElement);
      // The browser itself moves between the skin tones.
      if (step === undefined || at < 0) return;
      (at + step < 0 ? input.current : buttons[at + step])?.focus();
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
      <Tones tone={tone} />
      <div class="emoji-grid" ref={grid}>
        {query.value === '' &&
          common.map((emoji) => (
            <Choice
              key={`common ${emoji.unicode}`}
              emoji={withTone(emoji, tone.value)}
              onPick={onPick}
            />
          ))}
        {found.slice(0, shownLimit).map((emoji) => (
          <Choice key={emoji.unicode} emoji={withTone(emoji, tone.value)} onPick={onPick} />
        ))}
      </div>
    </fieldset>
  );
}

/** The choice of a skin tone for all emoji that have one; this device remembers it. */
function Tones({ tone }: { tone: Signal<string> }) {
  const choose = (unicode: string) => {
    tone.value = unicode;
    save('tone', unicode);
  };
  return (
    <div class="tones" role="radiogroup" aria-label={texts.skinTone}>
      {tones.map(({ unicode, label }) => (
        <label key={unicode} title={label}>
          <input
            type="radio"
            name="tone"
            aria-label={label}
            checked={unicode === tone.value}
            onChange={() => choose(unicode)}
          />
          {`✋${unicode}`}
        </label>
      ))}
    </div>
  );
}

interface ChoiceProps {
  readonly emoji: Emoji;
  readonly onPick: (emoji: string) => void;
}

function Choice({ emoji: { unicode, label }, onPick }: ChoiceProps) {
  return (
    <button type="button" aria-label={label} title={label} onClick={() => onPick(unicode)}>
      {unicode}
    </button>
  );
}

/** An emoji in a skin tone, the same for all people in it; unchanged if it has none. */
function withTone(emoji: Emoji, tone: string): Emoji {
  const toned = emoji.skins?.find(({ unicode }) =>
    unicode.match(modifier)?.every((found) => found === tone),
  );
  return toned === undefined ? emoji : { ...toned, unicode: qualifiedEmoji(toned.unicode) };
}

function fits({ label, tags = [] }: Emoji, wanted: string): boolean {
  return [label, ...tags].some((word) => word.toLocaleLowerCase().includes(wanted));
}
