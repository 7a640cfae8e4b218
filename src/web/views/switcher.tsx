import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { go, paths } from '../lib/route.ts';
import { chats } from '../state/chats.ts';
import { texts } from '../texts/index.ts';
import { Avatar } from './avatar.tsx';
import { Dialog } from './dialog.tsx';

/** So many chats are offered. */
const offered = 8;

/** Ctrl+K or Cmd+K: to a chat by the beginning of its name. */
export function Switcher() {
  const isOpen = useSignal(false);
  useEffect(() => {
    const open = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      isOpen.value = true;
    };
    addEventListener('keydown', open);
    return () => removeEventListener('keydown', open);
  }, []);
  return isOpen.value ? <Choices onClose={() => (isOpen.value = false)} /> : null;
}

function Choices({ onClose }: { onClose: () => void }) {
  const query = useSignal('');
  const chosen = useSignal(0);
  const wanted = query.value.toLocaleLowerCase();
  const found = chats.value
    .filter((chat) => chat.title.toLocaleLowerCase().includes(wanted))
    .slice(0, offered);
  const pick = (index: number) => {
    const chat = found[index];
    if (chat === undefined) return;
    onClose();
    go(paths.chat(chat.id));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) chosen.value = (chosen.value + step + found.length) % found.length;
    else if (event.key === 'Enter') pick(chosen.value);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={texts.switchTo} onClose={onClose}>
      <input
        type="text"
        // biome-ignore lint/a11y/noAutofocus: one comes here to type.
        autofocus
        role="combobox"
        aria-label={texts.switchTo}
        aria-expanded="true"
        aria-controls="switcher-list"
        aria-activedescendant={`switcher-${chosen.value}`}
        value={query}
        onInput={(event) => {
          query.value = event.currentTarget.value;
          chosen.value = 0;
        }}
        onKeyDown={onKeyDown}
      />
      <ul class="switcher" id="switcher-list" role="listbox" aria-label={texts.chats}>
        {found.map((chat, index) => (
          <li
            key={chat.id}
            id={`switcher-${index}`}
            role="option"
            aria-selected={index === chosen.value}
            onClick={() => pick(index)}
          >
            <Avatar id={chat.id} name={chat.title} />
            {chat.title}
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
