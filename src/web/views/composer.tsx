import { type Signal, useSignal } from '@preact/signals';
import type { TargetedInputEvent, TargetedKeyboardEvent } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { put } from '../lib/api.ts';
import { isolated } from '../lib/bidi.ts';
import { isComposing, isTouch } from '../lib/keys.ts';
import { beingTyped, namesLike } from '../lib/mentions.ts';
import { drop, load, onChange, save } from '../lib/store.ts';
import type { Message } from '../lib/wire.ts';
import { ownId } from '../state/account.ts';
import { useFailing } from '../state/failing.ts';
import type { Intent } from '../state/intent.ts';
import { membersOf } from '../state/members.ts';
import { previewOf } from '../state/mentions.ts';
import { messageWindow } from '../state/message-window.ts';
import { enqueue } from '../state/outbox.ts';
import { sendTyping } from '../state/typing.ts';
import { texts } from '../texts/index.ts';
import { EmojiButton } from './emoji-button.tsx';
import { ErrorText } from './error-text.tsx';
import { Icon, IconButton } from './icons.tsx';
import { displayName } from './message.tsx';
import { moved, Options, optionId } from './options.tsx';
import { Written } from './written.tsx';

/** The id of the list of suggested names. */
const listId = 'names';

/** The maximum length of a message, in code points; the same as on the server. */
const longest = 4000;

/** The maximum number of suggested names. */
const offered = 6;

interface Props {
  readonly chatId: number;
  readonly title: string;
  readonly intent: Signal<Intent | undefined>;
}

export function Composer({ chatId, title, intent }: Props) {
  const input = useRef<HTMLTextAreaElement>(null);
  const text = useSignal(load(`draft.${chatId}`, ''));
  const mention = useSignal<string | undefined>(undefined);
  const chosen = useSignal(0);
  const { error } = useFailing();
  const isTooLong = useSignal(false);
  // Computed on each render, because the members may be loaded after the @ was typed.
  const names = mention.value === undefined ? [] : offer(chatId, mention.value);

  /** Removes messages about the previous text. */
  const clear = () => {
    error.value = undefined;
    isTooLong.value = false;
  };
  const write = (value: string) => {
    text.value = value;
    clear();
    const { kind, message } = intent.value ?? {};
    if (kind === 'edit') save(`edit.${chatId}`, { id: message?.id, value });
    else save(`draft.${chatId}`, value);
  };
  const leave = () => {
    const wasEdit = intent.value?.kind === 'edit';
    intent.value = undefined;
    clear();
    if (wasEdit) drop(`edit.${chatId}`);
    if (wasEdit) text.value = load(`draft.${chatId}`, '');
  };

  // A layout effect runs before the next key, so that it does not overwrite what is typed.
  useLayoutEffect(() => {
    if (intent.value?.kind === 'edit') text.value = editedText(chatId, intent.value.message);
    input.current?.focus();
  }, [intent.value]);
  useEffect(() => fitHeight(input.current), [text.value]);
  // Both tabs show a draft that another tab edits, so that neither overwrites the other's text.
  useEffect(
    () =>
      onChange(`draft.${chatId}`, () => {
        if (intent.value?.kind !== 'edit') text.value = load(`draft.${chatId}`, '');
      }),
    [chatId],
  );

  /** Sends an edit. The composer is free at once; if the edit fails, it is shown again. */
  const change = (message: Message, content: string) => {
    leave();
    put(`/api/chats/${chatId}/messages/${message.id}`, { content }).catch((thrown: unknown) => {
      intent.value = { kind: 'edit', message: { ...message, content } };
      error.value = thrown;
    });
  };

  const submit = () => {
    const content = withoutBlankLines(text.value);
    if (content === '') return;
    isTooLong.value = [...content].length > longest;
    if (isTooLong.value) return;
    const now = intent.value;
    if (now?.kind === 'edit') return change(now.message, content);
    enqueue(chatId, content, now?.message.id);
    mention.value = undefined;
    write('');
    leave();
  };

  const complete = (name: string) => {
    const caret = input.current?.selectionStart ?? text.value.length;
    const before = text.value.slice(0, caret).replace(beingTyped, `@${name} `);
    write(before + text.value.slice(caret));
    mention.value = undefined;
    queueMicrotask(() => input.current?.setSelectionRange(before.length, before.length));
  };

  const onInput = (event: TargetedInputEvent<HTMLTextAreaElement>) => {
    const { value, selectionStart } = event.currentTarget;
    write(value);
    if (value !== '') sendTyping(chatId);
    mention.value = beingTyped.exec(value.slice(0, selectionStart))?.[1];
    chosen.value = 0;
  };

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLTextAreaElement>) => {
    if (isComposing(event)) return;
    if (names.length > 0 && pickByKey(event)) return;
    if (event.key === 'Enter' && sends(event)) {
      event.preventDefault();
      submit();
    } else if (event.key === 'ArrowUp' && text.value === '') {
      const own = messageWindow.value?.messages.findLast(
        (message) => message.sender_id === ownId(),
      );
      if (own === undefined) return;
      event.preventDefault();
      intent.value = { kind: 'edit', message: own };
    } else if (event.key === 'Escape') leave();
  };

  const pickByKey = (event: KeyboardEvent): boolean => {
    const next = moved(event.key, chosen.value, names.length);
    const name = names[chosen.value];
    if (next !== undefined) chosen.value = next;
    else if (event.key === 'Escape') mention.value = undefined;
    else if ((event.key === 'Enter' || event.key === 'Tab') && name !== undefined) complete(name);
    else return false;
    event.preventDefault();
    return true;
  };

  const insert = (emoji: string) => {
    const caret = input.current?.selectionStart ?? text.value.length;
    write(text.value.slice(0, caret) + emoji + text.value.slice(caret));
    input.current?.focus();
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {intent.value !== undefined && (
        <IntentBar chatId={chatId} intent={intent.value} onLeave={leave} />
      )}
      {isTooLong.value && (
        <p class="error" role="alert">
          {texts.tooLong}
        </p>
      )}
      <ErrorText of={error} />
      {names.length > 0 && (
        <Options
          id={listId}
          label={texts.members}
          items={names}
          chosen={chosen.value}
          onPick={complete}
          show={(name) => <Written text={`@${name}`} />}
        />
      )}
      <div class="composer-row">
        <EmojiButton label={texts.emoji} onPick={insert} />
        <textarea
          ref={input}
          rows={1}
          value={text}
          aria-label={texts.writeMessage(isolated(title))}
          placeholder={texts.writeMessage(isolated(title))}
          dir="auto"
          enterkeyhint={isTouch() ? 'enter' : 'send'}
          aria-autocomplete="list"
          aria-controls={names.length > 0 ? listId : undefined}
          aria-activedescendant={names.length > 0 ? optionId(listId, chosen.value) : undefined}
          onInput={onInput}
          onKeyDown={onKeyDown}
        />
        <button
          type="submit"
          class="icon-button primary"
          aria-label={texts.send}
          title={texts.send}
          // Keeps the keyboard of a phone open.
          onMouseDown={(event) => event.preventDefault()}
        >
          <Icon of="send" />
        </button>
      </div>
    </form>
  );
}

interface Intended {
  readonly chatId: number;
  readonly intent: Intent;
  readonly onLeave: () => void;
}

/** Shows what Enter will do, if not simply send a message. */
function IntentBar({ chatId, intent, onLeave }: Intended) {
  const { kind, message } = intent;
  return (
    <div class="intent">
      <p>
        <strong>
          {kind === 'edit'
            ? texts.editing
            : texts.replyTo(isolated(displayName(message.sender_id)))}
        </strong>{' '}
        {kind === 'reply' && <Written text={previewOf(chatId, message.content)} />}
      </p>
      <IconButton of="close" label={texts.cancel} onClick={onLeave} />
    </div>
  );
}

/**
 * Enter sends where Shift+Enter is available for a new line; with Ctrl or Cmd it sends everywhere.
 */
function sends({ shiftKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
  return ctrlKey || metaKey || !(shiftKey || isTouch());
}

/** Removes blank lines around a text; the first line keeps its indentation. */
function withoutBlankLines(text: string): string {
  return text.replace(/^(?:[^\S\n]*\n)+/, '').trimEnd();
}

/** The members that the text after the last @ may mean; without those who cannot sign in. */
function offer(chatId: number, typed: string): string[] {
  const others = membersOf(chatId).filter(({ id, disabled }) => id !== ownId() && !disabled);
  return namesLike(
    typed,
    others.map(({ name }) => name),
  ).slice(0, offered);
}

/** The text of a message that is being edited, with unsaved changes from an earlier visit. */
function editedText(chatId: number, { id, content }: Message): string {
  const saved = load<{ id?: number; value?: string }>(`edit.${chatId}`, {});
  return saved.id === id && saved.value !== undefined ? saved.value : content;
}

/** Makes the input as high as its text, up to the limit in the style sheet. */
function fitHeight(area: HTMLTextAreaElement | null): void {
  if (area === null) return;
  area.style.height = 'auto';
  area.style.height = `${area.scrollHeight}px`;
}
