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
import { useLoading } from '../state/failing.ts';
import type { Intent } from '../state/intent.ts';
import {
  loadNewer,
  loadOlder,
  loadWindow,
  type MessageWindow,
  messageWindow,
  notePlace,
  reachesBackTo,
  type WindowStart,
} from '../state/message-window.ts';
import { outbox } from '../state/outbox.ts';
import { noteEnd, readUpTo } from '../state/reading.ts';
import { typingUsers } from '../state/typing.ts';
import { nameOf } from '../state/user-names.ts';
import { texts } from '../texts/index.ts';
import { Boundary } from './boundary.tsx';
import { ErrorText } from './error-text.tsx';
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
  const active = useSignal(0);
  /** How often the reader went to the newest messages. */
  const jumps = useSignal(0);
  const seenUpTo = useSeenUpTo(chatId);
  const readMark = jumps.value === 0 ? seenUpTo?.id : undefined;
  const open = messageWindow.value?.chatId === chatId ? messageWindow.value : undefined;
  const isOpened = useIsOpened(open, messageId ?? readMark);
  const aim = messageId ?? (jumps.value === 0 ? 'start' : 'end');

  const { error } = useLoading(
    () => loadWindow(chatId, { around: messageId, readUpTo: readMark }),
    [chatId, messageId, readMark, jumps.value],
  );
  useEffect(() => scroller.aim(aim), [chatId, messageId, readMark, jumps.value]);
  // The list of chats, which says what is new, may arrive after the messages.
  useLayoutEffect(() => scroller.aim(aim), [seenUpTo, isOpened]);

  useLayoutEffect(() => scroller.restorePlace(), [open, outbox.value, seenUpTo]);
  useEffect(() => scroller.observeResize(), []);

  const last = open?.messages.at(-1)?.id;
  const isAtEnd = scroller.isAtEnd.value && open?.hasNewer === false;
  const lastInSight = scroller.lastInSight.value;
  useEffect(() => {
    noteEnd(chatId, isOpened && isAtEnd);
    return () => noteEnd(chatId, false);
  }, [chatId, isOpened, isAtEnd]);
  useEffect(() => {
    notePlace(isAtEnd || lastInSight === 0 ? undefined : lastInSight);
    return () => notePlace(undefined);
  }, [chatId, isAtEnd, lastInSight]);
  useEffect(() => {
    // Uses the current value: the reader may have scrolled between the render and this effect.
    const read = () => readUpTo(chatId, scroller.lastInSight.peek());
    // Before, the messages in view may be the newest ones, with unread ones far above.
    if (!isOpened) return;
    read();
    return onLooking(read);
  }, [chatId, last, lastInSight, seenUpTo, isOpened]);

  const scroll = () => {
    scroller.recordPlace();
    if (scroller.isNearTop) unlessBroken(loadOlder());
    if (scroller.isNearEnd) unlessBroken(loadNewer());
  };
  const toNewest = () => {
    jumps.value += 1;
    if (messageId !== undefined) replace(paths.chat(chatId));
  };

  return (
    <div class="timeline-frame">
      <ErrorText of={error} />
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
  // Where older ones are unread too, none of these is the first.
  const isFirstHere = seenUpTo !== undefined && reachesBackTo(open, seenUpTo);
  const firstNew = messages.find((message) => isFirstHere && isNew(message, seenUpTo))?.id;
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
  /**
   * The newest message that was read; undefined if all were. Where none was, the id of the chat,
   * which is smaller than those of its messages.
   */
  readonly id: number | undefined;
}

/** How far the chat was read when it was opened; undefined until the list of chats is loaded. */
function useSeenUpTo(chatId: number): SeenUpTo | undefined {
  const seenUpTo = useRef<SeenUpTo | undefined>(undefined);
  const chat = seenUpTo.current === undefined ? chatOf(chatId) : undefined;
  if (chat !== undefined) {
    const { unread = 0, read_id: id = 0 } = chat;
    seenUpTo.current = { id: unread > 0 ? id || chatId : undefined };
  }
  return seenUpTo.current;
}

/** Whether the chat has been shown from where it was to open; what came later does not matter. */
function useIsOpened(open: MessageWindow | undefined, start: number | undefined): boolean {
  const opened = useRef<WindowStart | undefined>(undefined);
  if (startOf(open?.start) === start && open !== undefined) opened.current = open.start;
  return opened.current !== undefined && startOf(opened.current) === start;
}

const startOf = (start: WindowStart | undefined) => start?.around ?? start?.readUpTo;

function isNew({ id, sender_id: sender }: Message, seenUpTo: number): boolean {
  return id > seenUpTo && sender !== ownId();
}

function isTogether(before: Message | undefined, message: Message): boolean {
  if (before?.sender_id !== message.sender_id || message.reply_to !== undefined) return false;
  return Date.parse(message.time) - Date.parse(before.time) < together;
}
