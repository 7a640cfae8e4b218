/** The browser's notifications and the page title, for a user who is not looking. */
import { effect, signal } from '@preact/signals';
import { isolated } from '../lib/bidi.ts';
import { paths } from '../lib/route.ts';
import { load, save } from '../lib/store.ts';
import type { Message } from '../lib/wire.ts';
import { ownId } from './account.ts';
import { isLooking } from './attention.ts';
import { chatOf, chats, unreadTotal } from './chats.ts';
import { isLeading } from './connection.ts';
import { loadMembers } from './members.ts';
import { isMentionedIn, previewOf } from './mentions.ts';
import { findName } from './user-names.ts';

/**
 * Whether this device shows notifications; if not, whether the user turned them off, the browser
 * denies them, got no answer to its question, requires https for them, or does not support them.
 */
export const notifications = signal<
  'on' | 'off' | 'denied' | 'unanswered' | 'insecure' | 'missing'
>('off');

/** The same by the browser's answer to a page that asks for the permission. */
const answered = { granted: 'on', denied: 'denied', default: 'unanswered' } as const;

/** Another tab that the user is looking at answers within this time, in ms. */
const answerTime = 150;

/** The last missed message of each chat, during a catch-up; undefined otherwise. */
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

/** Turns notifications on or off; the browser may ask the user for permission. */
export async function setNotifications(isWanted: boolean): Promise<void> {
  const state = isWanted ? answered[await Notification.requestPermission()] : 'off';
  save('notices', state === 'on');
  notifications.value = state;
}

/** A stream has started: its first messages are those that were missed. */
export function startCatchUp(): void {
  missed ??= new Map();
}

/** The catch-up is complete: shows one notification for each chat with unread messages. */
export function endCatchUp(): void {
  const all = missed;
  missed = undefined;
  for (const [chatId, message] of all ?? []) {
    if (chatOf(chatId)?.unread) void notify(chatId, message);
  }
}

/** Shows a notification if the chat's level asks for one and the user is not looking at any tab. */
export async function notify(chatId: number, message: Message): Promise<void> {
  const chat = chatOf(chatId);
  if (message.sender_id === ownId() || chat === undefined) return;
  if (notifications.value !== 'on' || !isLeading()) return;
  if (!(isAskedFor(chatId, message) ?? (await isAskedForBy(chatId, message)))) return;
  if (missed !== undefined) return void missed.set(chatId, message);
  if (isLooking() || (await isLookedAtElsewhere())) return;
  const sender = await findName(message.sender_id);
  const title = chat.direct ? sender : `${isolated(sender)} · ${isolated(chat.title)}`;
  await show(title, previewOf(chatId, message.content), chatId);
}

/** Replaces an older notification of the same chat. */
async function show(title: string, body: string, chatId: number): Promise<void> {
  const path = paths.chat(chatId);
  const options = {
    body,
    dir: 'auto',
    tag: tagOf(chatId),
    renotify: true,
    icon: 'icon-192.png',
    data: { open: path },
  } as const;
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  if (registration?.active) return registration.showNotification(title, options);
  try {
    showFromPage(title, options, path);
  } catch {
    // Chrome on Android: only a service worker can show one, and it may still be installing.
    if (waiting.size === 0) navigator.serviceWorker?.ready.then(showWaiting).catch(() => undefined);
    waiting.set(chatId, (active) => active.showNotification(title, options));
  }
}

function showFromPage(title: string, options: NotificationOptions, path: string): void {
  const shown = new Notification(title, options);
  shown.onclick = () => {
    window.focus();
    location.hash = path;
    shown.close();
  };
}

/** The last notification of each chat that waits for the service worker. */
const waiting = new Map<number, (active: ServiceWorkerRegistration) => Promise<void>>();

/** Shows what is still unread once the service worker is there. */
async function showWaiting(active: ServiceWorkerRegistration): Promise<void> {
  const all = [...waiting];
  waiting.clear();
  for (const [chatId, showIn] of all) {
    if (chatOf(chatId)?.unread && !isLooking()) await showIn(active);
  }
}

const tagOf = (chatId: number) => `snug-chat-${chatId}`;

/** Closes the notifications of chats that have been read, here or on another device. */
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

/** The same once the members are loaded. If they cannot be, a text with the user's name counts. */
async function isAskedForBy(chatId: number, message: Message): Promise<boolean> {
  await loadMembers(chatId).catch(() => undefined);
  return isAskedFor(chatId, message) ?? true;
}

/** Whether the chat's level asks for a notification; undefined until its members are loaded. */
function isAskedFor(chatId: number, { content }: Message): boolean | undefined {
  const notify = chatOf(chatId)?.notify ?? 'all';
  return notify === 'mentions' ? isMentionedIn(chatId, content) : notify === 'all';
}
