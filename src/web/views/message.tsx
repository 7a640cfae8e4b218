import { type Signal, useComputed, useSignal } from '@preact/signals';
import { memo } from 'preact/compat';
import { useEffect } from 'preact/hooks';
import { ApiError, get, isIntercepted, put, remove } from '../lib/api.ts';
import { isolated } from '../lib/bidi.ts';
import { go, paths } from '../lib/route.ts';
import { clockTime, fullTime } from '../lib/time.ts';
import type { Message } from '../lib/wire.ts';
import { account, ownId } from '../state/account.ts';
import { chatOf, mayWrite } from '../state/chats.ts';
import { connection } from '../state/connection.ts';
import { type Failing, useFailing } from '../state/failing.ts';
import type { Intent } from '../state/intent.ts';
import { isOwner } from '../state/members.ts';
import { previewOf } from '../state/mentions.ts';
import { deleted, messageWindow } from '../state/message-window.ts';
import { type Draft, discard, retry } from '../state/outbox.ts';
import { nameOf } from '../state/user-names.ts';
import { texts } from '../texts/index.ts';
import { Avatar } from './avatar.tsx';
import { EmojiButton } from './emoji-button.tsx';
import { ErrorText } from './error-text.tsx';
import { IconButton } from './icons.tsx';
import { Markdown } from './markdown.tsx';
import { askFirst } from './question.tsx';
import { Written } from './written.tsx';

interface Props {
  readonly chatId: number;
  readonly message: Message;
  /** Whether this is the first of several messages in a row, which shows the sender. */
  readonly startsGroup: boolean;
  readonly intent: Signal<Intent | undefined>;
  /** The message whose tools are shown. */
  readonly active: Signal<number>;
  /** Whether the address leads to this message. */
  readonly isTarget: boolean;
  /** Whether this is the last message, which Tab reaches first. */
  readonly isLast: boolean;
}

/** An action's error is shown at the message. */
type Attempting = Pick<Failing, 'attempt'>;

export const MessageItem = memo(function MessageItem(props: Props) {
  const { chatId, message, startsGroup, active, isTarget, isLast } = props;
  const name = displayName(message.sender_id);
  const isDeleted = deleted.value.has(message.id);
  const show = () => (active.value = message.id);
  const { error, attempt } = useFailing();
  // A computed signal, so that only two messages are redrawn when another one becomes active.
  const isActive = useComputed(() => active.value === message.id);
  return (
    <article
      class="message"
      data-own={message.sender_id === ownId() ? '' : undefined}
      data-group={startsGroup ? '' : undefined}
      data-target={isTarget ? '' : undefined}
      aria-label={texts.messageFrom(isolated(name), fullTime(message.time))}
      tabIndex={isActive.value || isLast ? 0 : -1}
      onMouseMove={show}
      onFocusCapture={show}
      onPointerDown={show}
    >
      {startsGroup && <Head name={name} time={message.time} />}
      {message.reply_to !== undefined && <Quote chatId={chatId} id={message.reply_to} />}
      {isDeleted ? (
        <p class="gone">{texts.deletedMessage}</p>
      ) : (
        <>
          <Markdown text={message.content} chatId={chatId} />
          {message.edited !== undefined && (
            <small class="edited" title={fullTime(message.edited)}>
              {texts.edited}
            </small>
          )}
          <Reactions chatId={chatId} message={message} attempt={attempt} />
          <ErrorText of={error} />
          {isActive.value && <Tools {...props} attempt={attempt} />}
        </>
      )}
    </article>
  );
});

function Head({ name, time }: { name: string; time: string }) {
  return (
    <header class="head">
      <Avatar name={name} />
      <strong class="name" dir="auto">
        {name}
      </strong>
      <time dateTime={time} title={fullTime(time)}>
        {clockTime(time)}
      </time>
    </header>
  );
}

/** The buttons of a message. */
function Tools({ chatId, message, intent, attempt }: Props & Attempting) {
  const isOwn = message.sender_id === ownId();
  const path = `/api/chats/${chatId}/messages/${message.id}`;
  const erase = () =>
    askFirst({
      title: texts.deleteMessage,
      detail: <Written text={previewOf(chatId, message.content)} />,
      action: texts.delete,
      act: () => remove(path),
    });
  return (
    <div class="tools" role="toolbar" aria-label={texts.message}>
      <EmojiButton label={texts.react} onPick={(emoji) => attempt(react(path, emoji))} />
      {mayWrite(chatOf(chatId)) && (
        <IconButton
          of="reply"
          label={texts.reply}
          onClick={() => (intent.value = { kind: 'reply', message })}
        />
      )}
      {isOwn && (
        <IconButton
          of="edit"
          label={texts.edit}
          onClick={() => (intent.value = { kind: 'edit', message })}
        />
      )}
      {(isOwn || isOwner(chatId)) && <IconButton of="bin" label={texts.delete} onClick={erase} />}
    </div>
  );
}

function Reactions({ chatId, message, attempt }: Pick<Props, 'chatId' | 'message'> & Attempting) {
  const path = `/api/chats/${chatId}/messages/${message.id}`;
  if (!message.reactions?.length) return null;
  return (
    <p class="reactions">
      {message.reactions.map(({ emoji, count, user_ids: ids }) => {
        const isMine = ids.includes(ownId());
        const names = texts.andOthers(
          ids.map((id) => isolated(displayName(id))).join(', '),
          count - ids.length,
        );
        return (
          <button
            key={emoji}
            type="button"
            aria-pressed={isMine}
            aria-label={texts.reactedBy(emoji, names)}
            title={names}
            onClick={() => attempt(isMine ? unreact(path, emoji) : react(path, emoji))}
          >
            {emoji}
            <span>{count}</span>
          </button>
        );
      })}
    </p>
  );
}

const react = (path: string, emoji: string) =>
  put(`${path}/reactions/${encodeURIComponent(emoji)}`);
const unreact = (path: string, emoji: string) =>
  remove(`${path}/reactions/${encodeURIComponent(emoji)}`);

/** The message that this one replies to, in one line that links to it. */
function Quote({ chatId, id }: { chatId: number; id: number }) {
  const loaded = messageWindow.value?.messages.find((message) => message.id === id);
  const fetched = useSignal<Message | null | undefined>(undefined);
  const isReachable = connection.value === 'open';
  useEffect(() => {
    if (loaded !== undefined || fetched.value !== undefined) return;
    get<{ message: Message }>(`/api/chats/${chatId}/messages/${id}`, 'message').then(
      ({ message }) => (fetched.value = message),
      (error) => (fetched.value = error instanceof ApiError ? null : undefined),
    );
  }, [chatId, id, loaded === undefined, isReachable]);
  const original = loaded ?? fetched.value;
  if (original === undefined) return <p class="quote">…</p>;
  if (original === null || deleted.value.has(id)) return <p class="quote">{texts.repliedToGone}</p>;
  return (
    <p class="quote">
      <a href={paths.message(chatId, id)} onClick={() => go(paths.message(chatId, id))}>
        <strong class="who">
          <Written text={displayName(original.sender_id)} />{' '}
        </strong>
        <span class="what" dir="auto">
          {previewOf(chatId, original.content)}
        </span>
      </a>
    </p>
  );
}

/** A message that is being sent, or that the server refused. */
export function DraftItem({ draft, startsGroup }: { draft: Draft; startsGroup: boolean }) {
  const name = account.value?.user.name ?? '';
  return (
    <article class="message draft" data-own="" data-failed={draft.error && ''}>
      {startsGroup && <Head name={name} time={draft.time} />}
      <Markdown text={draft.content} chatId={draft.chatId} />
      {draft.error === undefined ? (
        <small>{sendingState()}</small>
      ) : (
        <p class="error" role="alert">
          {texts.notSent}: {draft.error}{' '}
          <button type="button" class="link" onClick={() => retry(draft)}>
            {texts.tryAgain}
          </button>{' '}
          <button type="button" class="link" onClick={() => discard(draft)}>
            {texts.discard}
          </button>
        </p>
      )}
    </article>
  );
}

/** Says why a message is not on the server yet. */
function sendingState(): string {
  if (isIntercepted.value) return texts.intercepted;
  return connection.value === 'broken' ? texts.waiting : texts.sending;
}

export function displayName(id: number): string {
  const name = nameOf(id);
  return name === '' ? texts.deletedUser : (name ?? '…');
}
