/** Telling a person who is not looking: the browser's notifications and the title of the page. */
import { effect, signal } from '@preact/signals';
import { isolated } from '../lib/bidi.ts';
import { plainText } from '../lib/markdown.ts';
import { paths } from '../lib/route.ts';
import { load, save } from '../lib/store.ts';
import type { Message } from '../lib/wire.ts';
import { ownId } from './account.ts';
import { isLooking } from './attention.ts';
import { chatOf, chats, unreadTotal } from './chats.ts';
import { isLeading } from './connection.ts';
import { loadMembers } from './members.ts';
import { isCalledIn } from './mentions.ts';
import { findName } from './user-names.ts';

/**
 * What notifications this device shows: none if not wanted; none that the browser forbids, that it
 * has only over https, or that it does not have at all.
 */
export const notifications = signal<'on' | 'off' | 'denied' | 'insecure' | 'missing'>('off');

/** Another tab that somebody looks at answers within this, in ms. */
const answerTime = 150;

/** The last message of each chat that was missed, until all that was missed has come. */
let missed: Map<number, Message> | undefined;

let channel: BroadcastChannel | undefined;
let isSeenElsewhere = false;

export function watchNotifications(): void {
  notifications.value = currentState();
  effect(() => {
    const count = unreadTotal.value;
    document.title = count > 0 ? `(${count}) Snug` : 'Snug';
  });
  effect(() => closeRead(chats.value.filter(({ unread }) => !unread).map(({ id }) => id)));
  channel = new BroadcastChannel(`snug.attention.${ownId()}`);
  channel.onmessage = ({ data }) => {
    if (data === 'here') isSeenElsewhere = true;
    else if (isLooking()) channel?.postMessage('here');
  };
  navigator.serviceWorker?.addEventListener('message', ({ data }) => {
    if (typeof data?.open === 'string') location.hash = data.open;
  });
}

function currentState(): typeof notifications.value {
  if (!window.isSecureContext) return 'insecure';
  if (typeof Notification === 'undefined') return 'missing';
  if (Notification.permission === 'denied') return 'denied';
  return Notification.permission === 'granted' && load('notices', false) ? 'on' : 'off';
}

/** Asks the browser, which asks the person. */
export async function setNotifications(isWanted: boolean): Promise<void> {
  const permission = isWanted ? await Notification.requestPermission() : '';
  save('notices', permission === 'granted');
  notifications.value =
    permission === 'denied' ? 'denied' : permission === 'granted' ? 'on' : 'off';
}

/** A stream has begun: what comes first is what was missed. */
export function startMissed(): void {
  missed ??= new Map();
}

/** All that was missed has come: one notification for each chat in which something is unread. */
export function endMissed(): void {
  const all = missed;
  missed = undefined;
  for (const [chatId, message] of all ?? []) {
    if (chatOf(chatId)?.unread) void notify(chatId, message);
  }
}

/** Tells of a message if its chat's level asks for it and nobody is looking, in whichever tab. */
export async function notify(chatId: number, message: Message): Promise<void> {
  const chat = chatOf(chatId);
  if (message.sender_id === ownId() || chat === undefined) return;
  if (notifications.value !== 'on' || !isLeading()) return;
  const isForMe = isAskedFor(chatId, message);
  if (isForMe === undefined) {
    await loadMembers(chatId);
    return notify(chatId, message);
  }
  if (!isForMe) return;
  if (missed !== undefined) return void missed.set(chatId, message);
  if (isLooking() || (await isLookedAtElsewhere())) return;
  const sender = await findName(message.sender_id);
  const title = chat.direct ? sender : `${isolated(sender)} · ${isolated(chat.title)}`;
  await show(title, plainText(message.content), chatId);
}

/** The same chat's older notification is replaced. */
async function show(title: string, body: string, chatId: number): Promise<void> {
  const path = paths.chat(chatId);
  const options = {
    body,
    dir: 'auto',
    tag: tagOf(chatId),
    renotify: true,
    icon: 'icon-192.png',
  } as const;
  // Chrome on Android has no other way.
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  if (registration?.active) {
    return registration.showNotification(title, { ...options, data: { open: path } });
  }
  const shown = new Notification(title, options);
  shown.onclick = () => {
    window.focus();
    location.hash = path;
    shown.close();
  };
}

const tagOf = (chatId: number) => `snug-chat-${chatId}`;

/** Takes back what was shown of chats that are read by now, here or elsewhere. */
function closeRead(chatIds: readonly number[]): void {
  if (notifications.peek() !== 'on') return;
  const tags = new Set(chatIds.map(tagOf));
  navigator.serviceWorker
    ?.getRegistration()
    .then((registration) => registration?.getNotifications())
    .then((shown) => {
      for (const notification of shown ?? []) if (tags.has(notification.tag)) notification.close();
    })
    .catch(() => undefined);
}

async function isLookedAtElsewhere(): Promise<boolean> {
  isSeenElsewhere = false;
  channel?.postMessage('who');
  await new Promise((resolve) => setTimeout(resolve, answerTime));
  return isSeenElsewhere;
}

/** Whether the level of a chat asks for a message; undefined until its members are loaded. */
function isAskedFor(chatId: number, { content }: Message): boolean | undefined {
  const notify = chatOf(chatId)?.notify ?? 'all';
  return notify === 'mentions' ? isCalledIn(chatId, content) : notify === 'all';
}
