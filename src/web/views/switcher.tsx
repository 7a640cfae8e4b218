import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { isComposing } from '../lib/keys.ts';
import { go, paths } from '../lib/route.ts';
import type { Chat } from '../lib/wire.ts';
import { chats } from '../state/chats.ts';
import { texts } from '../texts/index.ts';
import { Avatar } from './avatar.tsx';
import { Deactivated } from './deactivated.tsx';
import { Dialog } from './dialog.tsx';
import { moved, Options, optionId } from './options.tsx';
import { Written } from './written.tsx';

/** The id of the list of suggested chats. */
const listId = 'switcher';

/** The maximum number of suggested chats. */
const offered = 8;

/** Ctrl+K or Cmd+K: goes to a chat by a part of its title. */
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
  const pick = (chat: Chat | undefined) => {
    if (chat === undefined) return;
    onClose();
    go(paths.chat(chat.id));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return;
    const next = moved(event.key, chosen.value, found.length);
    if (next !== undefined) chosen.value = next;
    else if (event.key === 'Enter') pick(found[chosen.value]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={texts.switchTo} onClose={onClose}>
      <input
        type="text"
        dir="auto"
        autofocus
        role="combobox"
        aria-label={texts.switchTo}
        aria-expanded="true"
        aria-controls={listId}
        aria-activedescendant={optionId(listId, chosen.value)}
        value={query}
        onInput={(event) => {
          query.value = event.currentTarget.value;
          chosen.value = 0;
        }}
        onKeyDown={onKeyDown}
      />
      <Options
        id={listId}
        label={texts.chats}
        items={found}
        chosen={chosen.value}
        onPick={pick}
        show={(chat) => (
          <>
            <Avatar chat={chat} name={chat.title} />
            <Written text={chat.title} /> <Deactivated of={chat} />
          </>
        )}
      />
    </Dialog>
  );
}
