/** The message window: consecutive messages of the open chat, which can grow at both ends. */
import { signal } from '@preact/signals';
import { ask } from '../lib/api.ts';
import type { Message, MessagePage } from '../lib/wire.ts';
import { ownId } from './account.ts';
import { addOwnReactions } from './reactions.ts';

/**
 * The maximum number of messages in the window; farther ones are dropped and can be loaded again.
 */
const windowLimit = 250;

/** The number of messages that are loaded at once. */
const pageSize = 50;

export interface MessageWindow {
  readonly chatId: number;
  /** Where it was opened; see `loadWindow`. */
  readonly start: WindowStart;
  readonly messages: readonly Message[];
  readonly hasOlder: boolean;
  /** Whether the chat has newer messages; then new ones are not added to the window. */
  readonly hasNewer: boolean;
}

/**
 * Where a window is opened: around a message, after the last message that was read, or, without
 * either, at the newest messages.
 */
export interface WindowStart {
  readonly around?: number | undefined;
  readonly readUpTo?: number | undefined;
}

export const messageWindow = signal<MessageWindow | undefined>(undefined);

/** One load at a time: two would fetch the same page. */
let loading: Promise<void> | undefined;

/** Counts calls of `loadWindow`: only the answer to the latest is shown. */
let opened = 0;

/** The window that is being opened. */
let opening: { readonly chatId: number; readonly start: WindowStart } | undefined;

/** Opens a chat. */
export async function loadWindow(chatId: number, start: WindowStart = {}): Promise<void> {
  const turn = ++opened;
  opening = { chatId, start };
  try {
    const page = await fetchStart(chatId, start);
    if (turn === opened) messageWindow.value = { chatId, start, ...page };
  } finally {
    if (turn === opened) opening = undefined;
  }
}

/** The message that the reader of the open chat is at; undefined at its end. */
let place: number | undefined;

/** Records where the reader is. @param id undefined at the end of the chat. */
export function notePlace(id: number | undefined): void {
  place = id;
}

/** Loads the window again where the reader is, after missed events. */
export async function reloadWindow(): Promise<void> {
  if (opening !== undefined) return loadWindow(opening.chatId, opening.start);
  const open = messageWindow.value;
  if (open !== undefined) await loadWindow(open.chatId, { around: place });
}

function fetchStart(chatId: number, { around, readUpTo }: WindowStart): Promise<Page> {
  return around === undefined ? fetchUnread(chatId, readUpTo) : fetchAround(chatId, around);
}

type Page = Pick<MessageWindow, 'messages' | 'hasOlder' | 'hasNewer'>;

/** The newest messages, if all unread ones are among them; otherwise those around the first one. */
async function fetchUnread(chatId: number, readUpTo: number | undefined): Promise<Page> {
  const newest = await fetchPage(chatId, '');
  const isReached = readUpTo === undefined || reachesBackTo(newest, readUpTo);
  return isReached ? newest : fetchAround(chatId, readUpTo);
}

/** Whether no message after this one is older than a page. */
export function reachesBackTo({ messages, hasOlder }: Page, id: number): boolean {
  return !hasOlder || (messages[0]?.id ?? 0) <= id;
}

async function fetchAround(chatId: number, around: number): Promise<Page> {
  const [older, newer] = await Promise.all([
    fetchPage(chatId, `&before=${around + 1}`),
    fetchPage(chatId, `&after=${around}`),
  ]);
  return {
    messages: [...older.messages, ...newer.messages],
    hasOlder: older.hasOlder,
    hasNewer: newer.hasNewer,
  };
}

/** Loads the messages that a window at the end of its chat is missing. */
export async function loadNewest(): Promise<void> {
  const { chatId, messages, hasNewer } = messageWindow.value ?? {};
  const last = messages?.at(-1);
  if (chatId === undefined || last === undefined || hasNewer) return;
  const page = await fetchPage(chatId, `&after=${last.id}`);
  for (const message of page.messages) addMessage(chatId, message);
  if (page.hasNewer && messageWindow.value?.chatId === chatId)
    messageWindow.value = { ...messageWindow.value, hasNewer: true };
}

export function loadOlder(): Promise<void> {
  loading ??= extendOlder().finally(() => (loading = undefined));
  return loading;
}

export function loadNewer(): Promise<void> {
  loading ??= extendNewer().finally(() => (loading = undefined));
  return loading;
}

async function extendOlder(): Promise<void> {
  const before = messageWindow.value;
  const first = before?.messages[0];
  if (!before?.hasOlder || first === undefined) return;
  const page = await fetchPage(before.chatId, `&before=${first.id}`);
  const now = messageWindow.value;
  if (now?.chatId !== before.chatId || now.messages[0]?.id !== first.id) return;
  const all = [...page.messages, ...now.messages];
  const messages = all.slice(0, windowLimit);
  const hasNewer = now.hasNewer || messages.length < all.length;
  messageWindow.value = { ...now, messages, hasOlder: page.hasOlder, hasNewer };
}

async function extendNewer(): Promise<void> {
  const before = messageWindow.value;
  const last = before?.messages.at(-1);
  if (!before?.hasNewer || last === undefined) return;
  const page = await fetchPage(before.chatId, `&after=${last.id}`);
  const now = messageWindow.value;
  if (now?.chatId !== before.chatId || now.messages.at(-1)?.id !== last.id) return;
  const all = [...now.messages, ...page.messages];
  const messages = all.slice(-windowLimit);
  const hasOlder = now.hasOlder || messages.length < all.length;
  messageWindow.value = { ...now, messages, hasOlder, hasNewer: page.hasNewer };
}

/** The pages being loaded, each with the messages that arrived meanwhile: it may not have them. */
const pending = new Set<{ readonly chatId: number; readonly arrived: Map<number, Message> }>();

async function fetchPage(chatId: number, range: string): Promise<Page> {
  const path = `/api/chats/${chatId}?limit=${pageSize}${range}`;
  const page = { chatId, arrived: new Map<number, Message>() };
  pending.add(page);
  const { body, headers } = await ask<MessagePage>('GET', path, undefined, {
    has: 'messages',
  }).finally(() => pending.delete(page));
  const links = headers.get('link') ?? '';
  const hasNewer = links.includes('rel="next"');
  const messages = addOwnReactions(body.messages, body.own_reactions ?? [], ownId());
  const last = messages.at(-1)?.id ?? 0;
  const missing = hasNewer ? [] : [...page.arrived.values()].filter(({ id }) => id > last);
  return {
    messages: [...messages, ...missing.sort((a, b) => a.id - b.id)],
    hasOlder: links.includes('rel="prev"'),
    hasNewer,
  };
}

/** Adds a new message to the window, if the window reaches the end of its chat. */
export function addMessage(chatId: number, message: Message): void {
  for (const page of pending) if (page.chatId === chatId) page.arrived.set(message.id, message);
  const now = messageWindow.value;
  if (now?.chatId !== chatId || now.hasNewer) return;
  const others = now.messages.filter(({ id }) => id !== message.id);
  const place = others.findLastIndex(({ id }) => id < message.id) + 1;
  // A message before all others is older than the window.
  if (place === 0 && now.hasOlder) return;
  const messages = others.toSpliced(place, 0, message);
  // A chat that stays open for days must not grow forever; twice the limit leaves a reader room.
  const isLong = messages.length > 2 * windowLimit;
  const latest = isLong ? messages.slice(-windowLimit) : messages;
  messageWindow.value = { ...now, messages: latest, hasOlder: now.hasOlder || isLong };
}

export function changeMessage(
  chatId: number,
  id: number,
  change: (message: Message) => Message,
): void {
  const now = messageWindow.value;
  if (now?.chatId !== chatId) return;
  const messages = now.messages.map((message) => (message.id === id ? change(message) : message));
  messageWindow.value = { ...now, messages };
}

/** Marks a message as deleted; it stays in place, so that nothing moves under the reader. */
export function dropMessage(chatId: number, id: number): void {
  const now = messageWindow.value;
  if (now?.chatId !== chatId) return;
  deleted.value = new Set(deleted.value).add(id);
}

/** The messages that were deleted while they were shown. */
export const deleted = signal<ReadonlySet<number>>(new Set());
