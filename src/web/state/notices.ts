/** Telling a person who is not looking: the browser's notifications and the title of the page. */
import { effect, signal } from '@preact/signals';
import { isolated } from '../lib/bidi.ts';
import { paths } from '../lib/route.ts';
import { load, save } from '../lib/store.ts';
import type { Message } from '../lib/wire.ts';
import { isCalledIn, ownId } from './account.ts';
import { chatOf, unreadTotal } from './chats.ts';
import { findName } from './people.ts';

/** Whether one wants notifications on this device. */
export const wanted = signal(false);

export const canNotify = typeof Notification !== 'undefined';

export function openNotices(): void {
  wanted.value = canNotify && Notification.permission === 'granted' && load('notices', false);
  effect(() => {
    const count = unreadTotal.value;
    document.title = count > 0 ? `(${count}) Snug` : 'Snug';
  });
}

/** Asks the browser, which asks the person. */
export async function wantNotices(isWanted: boolean): Promise<void> {
  wanted.value = isWanted && (await Notification.requestPermission()) === 'granted';
  save('notices', wanted.value);
}

/** Tells of a message if its chat's level asks for it and nobody is looking. */
export async function notice(chatId: number, message: Message): Promise<void> {
  const chat = chatOf(chatId);
  const isForMe =
    message.sender_id !== ownId() && chat !== undefined && isAskedFor(chatId, message);
  if (!isForMe || !wanted.value || !document.hidden) return;
  const sender = await findName(message.sender_id);
  const title = chat.direct ? sender : `${isolated(sender)} · ${isolated(chat.title)}`;
  // One for each message, whichever tab shows it.
  const shown = new Notification(title, {
    body: message.content,
    dir: 'auto',
    tag: `snug-${message.id}`,
  });
  shown.onclick = () => {
    window.focus();
    location.hash = paths.chat(chatId);
    shown.close();
  };
}

function isAskedFor(chatId: number, { content }: Message): boolean {
  const notify = chatOf(chatId)?.notify ?? 'all';
  return notify === 'mentions' ? isCalledIn(content) : notify === 'all';
}
