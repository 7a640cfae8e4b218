import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { unlessBroken } from '../lib/api.ts';
import { isolated } from '../lib/bidi.ts';
import { paths, replace } from '../lib/route.ts';
import { dayName, isSameDay } from '../lib/time.ts';
import type { Message } from '../lib/wire.ts';
import { ownId } from '../state/account.ts';
import { onLooking } from '../state/attention.ts';
import { chatOf } from '../state/chats.ts';
import { connection } from '../state/connection.ts';
import { attempt } from '../state/failures.ts';
import type { Intent } from '../state/intent.ts';
import {
  loadNewer,
  loadOlder,
  loadWindow,
  type MessageWindow,
  messageWindow,
  pageSize,
} from '../state/message-window.ts';
import { outbox } from '../state/outbox.ts';
import { noteEnd, readUpTo } from '../state/reading.ts';
import { typingUsers } from '../state/typing.ts';
import { nameOf } from '../state/user-names.ts';
import { texts } from '../texts/index.ts';
import { sentenceOf } from '../texts/sentence.ts';
import { Boundary } from './boundary.tsx';
import { IconButton } from './icons.tsx';
import { DraftItem, MessageItem } from './message.tsx';
import { Scroller } from './scroller.ts';

/** The maximum gap between messages of one sender in a group, in ms. */
const together = 5 * 60_000;

interface Props {
  readonly chatId: number;
  readonly messageId: number | undefined;
  readonly intent: Signal<Intent | undefined>;
}

export function Timeline({ chatId, messageId, intent }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const scroller = useMemo(() => new Scroller(box), []);
  const failure = useSignal('');
  const active = useSignal(0);
  const seenUpTo = useSeenUpTo(chatId);
  // With more unread messages than a page has, the chat opens at the first of them.
  const start = messageId ?? (seenUpTo?.isFar ? seenUpTo.id : undefined);
  const open = messageWindow.value?.chatId === chatId ? messageWindow.value : undefined;

  const load = () =>
    loadWindow(chatId, start).then(
      () => (failure.value = ''),
      (error: unknown) => (failure.value = sentenceOf(error)),
    );
  useEffect(() => {
    scroller.aim(messageId ?? 'start');
    void load();
  }, [chatId, start]);
  // The list of chats, which says what is new, may arrive after the messages.
  useLayoutEffect(() => scroller.aim(messageId ?? 'start'), [seenUpTo]);
  useEffect(() => {
    if (connection.value === 'open' && failure.value !== '') void load();
  }, [connection.value]);

  useLayoutEffect(() => scroller.restorePlace(), [open, outbox.value, seenUpTo]);
  useEffect(() => scroller.observeResize(), []);

  const last = open?.messages.at(-1)?.id;
  const isAtEnd = scroller.isAtEnd.value && open?.hasNewer === false;
  const lastInSight = scroller.lastInSight.value;
  useEffect(() => {
    noteEnd(chatId, isAtEnd);
    return () => noteEnd(chatId, false);
  }, [chatId, isAtEnd]);
  useEffect(() => {
    // Uses the current value: the reader may have scrolled between the render and this effect.
    const read = () => readUpTo(chatId, scroller.lastInSight.peek());
    if (open !== undefined) read();
    return onLooking(read);
  }, [chatId, last, lastInSight, seenUpTo]);

  const scroll = () => {
    scroller.recordPlace();
    if (scroller.isNearTop) unlessBroken(loadOlder());
    if (scroller.isNearEnd) unlessBroken(loadNewer());
  };
  const toNewest = () => {
    scroller.aim('end');
    if (messageId !== undefined) replace(paths.chat(chatId));
    else attempt(loadWindow(chatId));
  };

  return (
    <div class="timeline-frame">
      {failure.value !== '' && (
        <p class="error" role="alert">
          {failure}
        </p>
      )}
      <div
        class="timeline"
        ref={box}
        onScroll={scroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={texts.message}
      >
        {open !== undefined && (
          <Messages
            open={open}
            intent={intent}
            active={active}
            seenUpTo={seenUpTo?.id}
            target={messageId}
          />
        )}
        {open?.hasNewer !== true && <Drafts chatId={chatId} />}
      </div>
      {!isAtEnd && open !== undefined && (
        <div class="to-newest">
          <IconButton of="down" label={texts.jumpToNewest} onClick={toNewest} />
        </div>
      )}
      <TypingUsers chatId={chatId} />
      <Announcer open={open} />
    </div>
  );
}

interface MessagesProps {
  readonly open: MessageWindow;
  readonly intent: Signal<Intent | undefined>;
  readonly active: Signal<number>;
  readonly seenUpTo: number | undefined;
  readonly target: number | undefined;
}

function Messages({ open, intent, active, seenUpTo, target }: MessagesProps) {
  const { messages, chatId, hasOlder } = open;
  if (messages.length === 0) return <p class="empty">{texts.noMessages}</p>;
  const firstNew = messages.find((message) => isNew(message, seenUpTo))?.id;
  return (
    <ol class="messages" onKeyDown={step}>
      {messages.map((message, index) => {
        const before = messages[index - 1];
        const startsDay = before === undefined ? !hasOlder : !isSameDay(before.time, message.time);
        const startsNew = message.id === firstNew;
        return (
          <li key={message.id} data-id={message.id}>
            <Boundary fallback={<Plain text={message.content} />}>
              {startsDay && <Day time={message.time} />}
              {startsNew && <p class="new-line">{texts.newSince}</p>}
              <MessageItem
                chatId={chatId}
                message={message}
                startsGroup={startsDay || startsNew || !isTogether(before, message)}
                intent={intent}
                active={active}
                isTarget={message.id === target}
                isLast={index === messages.length - 1}
              />
            </Boundary>
          </li>
        );
      })}
    </ol>
  );
}

/** Replaces a message that cannot be drawn with its text. */
function Plain({ text }: { text: string }) {
  return (
    <p class="message text" dir="auto">
      {text}
    </p>
  );
}

function Day({ time }: { time: string }) {
  return <h2 class="day">{dayName(time)}</h2>;
}

/** Moves the focus from message to message with Up and Down. */
function step(event: KeyboardEvent): void {
  const message = event.target as HTMLElement;
  const item = message.matches('.message') ? message.parentElement : null;
  const targets = { ArrowUp: item?.previousElementSibling, ArrowDown: item?.nextElementSibling };
  const next = targets[event.key as keyof typeof targets]?.querySelector<HTMLElement>('.message');
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** The messages that the server has not confirmed yet. */
function Drafts({ chatId }: { chatId: number }) {
  const isAfterOwn = messageWindow.value?.messages.at(-1)?.sender_id === ownId();
  const drafts = outbox.value.filter((draft) => draft.chatId === chatId && !draft.arrived);
  return (
    <ol class="messages">
      {drafts.map((draft, index) => (
        <li key={draft.key}>
          <Boundary fallback={<Plain text={draft.content} />}>
            <DraftItem draft={draft} startsGroup={index === 0 && !isAfterOwn} />
          </Boundary>
        </li>
      ))}
    </ol>
  );
}

function TypingUsers({ chatId }: { chatId: number }) {
  const names = typingUsers(chatId).map((id) => isolated(nameOf(id) ?? ''));
  return <p class="typing">{names.length > 0 && texts.isTyping(names)}</p>;
}

/** Announces new messages to screen readers, but not old ones that are loaded while scrolling. */
function Announcer({ open }: { open: MessageWindow | undefined }) {
  const newest = open?.messages.at(-1);
  const first = useRef(newest?.id);
  first.current ??= newest?.id;
  const hasArrived = newest !== undefined && newest.id > (first.current ?? 0);
  const sender = hasArrived && newest.sender_id !== ownId() ? nameOf(newest.sender_id) : undefined;
  return (
    <p class="unseen" aria-live="polite">
      {sender !== undefined && `${isolated(sender)}: ${isolated(newest?.content ?? '')}`}
    </p>
  );
}

interface SeenUpTo {
  /** The newest message that was read; undefined if all were. */
  readonly id: number | undefined;
  /** Whether there are at least as many unread messages as a page has. */
  readonly isFar: boolean;
}

/** How far the chat was read when it was opened; undefined until the list of chats is loaded. */
function useSeenUpTo(chatId: number): SeenUpTo | undefined {
  const seenUpTo = useRef<SeenUpTo | undefined>(undefined);
  const chat = seenUpTo.current === undefined ? chatOf(chatId) : undefined;
  if (chat !== undefined) {
    const { unread = 0, read_id: id = 0 } = chat;
    seenUpTo.current = { id: unread > 0 ? id : undefined, isFar: unread >= pageSize && id > 0 };
  }
  return seenUpTo.current;
}

function isNew({ id, sender_id: sender }: Message, seenUpTo: number | undefined): boolean {
  return seenUpTo !== undefined && id > seenUpTo && sender !== ownId();
}

function isTogether(before: Message | undefined, message: Message): boolean {
  if (before?.sender_id !== message.sender_id || message.reply_to !== undefined) return false;
  return Date.parse(message.time) - Date.parse(before.time) < together;
}
