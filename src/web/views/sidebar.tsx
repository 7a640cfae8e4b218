import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { paths, route } from '../lib/route.ts';
import { shortTime } from '../lib/time.ts';
import type { Chat } from '../lib/wire.ts';
import { ownId } from '../state/account.ts';
import { chats, isLoaded, mayWrite } from '../state/chats.ts';
import { previewOf } from '../state/mentions.ts';
import { nameOf } from '../state/user-names.ts';
import { texts } from '../texts/index.ts';
import { Avatar } from './avatar.tsx';
import { Boundary } from './boundary.tsx';
import { Deactivated } from './deactivated.tsx';
import { IconButton, IconLink } from './icons.tsx';

import { NewChat } from './new-chat.tsx';
import { Written } from './written.tsx';

/** How many chats are drawn at first; twice as many each time that the user comes near the last. */
const drawnAtFirst = 30;

/** How near that is, in pixels. */
const drawnAhead = 1_000;

export function Sidebar() {
  const isMaking = useSignal(false);
  // Each page has exactly one h1: that of the open pane, if there is one.
  const Heading = route.value.name === 'home' ? 'h1' : 'h2';
  return (
    <nav class="sidebar" aria-label={texts.chats}>
      <header class="bar">
        <Heading>{texts.chats}</Heading>
        <IconLink of="search" label={texts.search} href={paths.search('')} />
        <IconLink of="compass" label={texts.directory} href={paths.directory} />
        <IconLink of="settings" label={texts.settings} href={paths.settings} />
        <IconButton of="plus" label={texts.newChat} onClick={() => (isMaking.value = true)} />
      </header>
      <ChatList />
      {isLoaded.value && chats.value.length === 0 && <p class="empty">{texts.noChats}</p>}
      {isMaking.value && <NewChat onClose={() => (isMaking.value = false)} />}
    </nav>
  );
}

/** The first chats, and more of them as the user scrolls: drawing thousands would take seconds. */
function ChatList() {
  const drawn = useSignal(drawnAtFirst);
  const end = useRef<HTMLLIElement>(null);
  const hasMore = drawn.value < chats.value.length;
  useEffect(() => {
    if (end.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) drawn.value *= 2;
      },
      { root: end.current.parentElement, rootMargin: `${drawnAhead}px` },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [drawn.value, hasMore]);
  return (
    <ul class="chats">
      {chats.value.slice(0, drawn.value).map((chat) => (
        <Boundary key={chat.id} fallback={<PlainItem chat={chat} />}>
          <ChatItem chat={chat} />
        </Boundary>
      ))}
      {hasMore && <li ref={end} aria-hidden="true" />}
    </ul>
  );
}

function ChatItem({ chat }: { chat: Chat }) {
  const here = route.value;
  const isHere = 'chatId' in here && here.chatId === chat.id;
  return (
    <li>
      <a
        class="chat"
        href={paths.chat(chat.id)}
        aria-current={isHere ? 'page' : undefined}
        data-muted={chat.notify === 'nothing' ? '' : undefined}
        data-disabled={mayWrite(chat) ? undefined : ''}
      >
        <Avatar chat={chat} name={chat.title} />
        <span class="chat-title" dir="auto">
          {chat.title}
        </span>
        <span class="chat-time">
          {chat.last_message_time !== null && shortTime(chat.last_message_time)}
        </span>
        <span class="chat-last">
          <Deactivated of={chat} />
          <Preview chat={chat} />
        </span>
        <Badge chat={chat} />
      </a>
    </li>
  );
}

/** Replaces a chat that cannot be drawn with its title, so that it can still be opened. */
function PlainItem({ chat: { id, title } }: { chat: Chat }) {
  return (
    <li>
      <a class="chat" href={paths.chat(id)}>
        <span class="chat-title" dir="auto">
          {title}
        </span>
      </a>
    </li>
  );
}

/** The last message in one line, with its sender where that is not obvious. */
function Preview({ chat: { id, last_message: text, sender_id: sender, direct } }: { chat: Chat }) {
  if (text === null || sender === null) return null;
  const name = sender === ownId() ? texts.you : direct ? undefined : (nameOf(sender) ?? '');
  return (
    <>
      {name !== undefined && (
        <span class="who">
          <Written text={name} />:{' '}
        </span>
      )}
      <span class="what" dir="auto">
        {previewOf(id, text)}
      </span>
    </>
  );
}

function Badge({ chat: { unread = 0, mentions = 0 } }: { chat: Chat }) {
  if (unread === 0) return null;
  const label =
    mentions > 0 ? `${texts.unread(unread)}, ${texts.mentions(mentions)}` : texts.unread(unread);
  return (
    <span class="badge" data-mention={mentions > 0 ? '' : undefined}>
      <span aria-hidden="true">
        {mentions > 0 && '@'}
        {unread > 99 ? '99+' : unread}
      </span>
      <span class="unseen">{label}</span>
    </span>
  );
}
