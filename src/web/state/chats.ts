/** The list of chats. */
import { batch, computed, signal } from '@preact/signals';
import { ask, unlessBroken } from '../lib/api.ts';
import type { Chat, Message, Notify } from '../lib/wire.ts';
import { ownId } from './account.ts';
import { isCalledIn } from './mentions.ts';

const byId = signal<ReadonlyMap<number, Chat>>(new Map());

export const isLoaded = signal(false);

/** The chats by latest activity, newest first. */
export const chats = computed(() => [...byId.value.values()].sort((a, b) => moved(b) - moved(a)));

/** How much is unread in the chats that one wants to be told of. */
export const unreadTotal = computed(() =>
  chats.value.reduce((sum, chat) => sum + countOf(chat), 0),
);

export const chatOf = (id: number): Chat | undefined => byId.value.get(id);

/** Where something happens all the time, no list is ever current. */
const mostTries = 3;

let loading: Promise<void> | undefined;
let isOvertaken = false;

/** The last event that is in the list for sure. */
let listedUpTo = 0;

/** Loads the list. Whatever happens meanwhile makes it be loaded once more: it may not be in it. */
export function loadChats(): Promise<void> {
  isOvertaken = true;
  loading ??= loadUntilCurrent().finally(() => {
    loading = undefined;
  });
  return loading;
}

async function loadUntilCurrent(): Promise<void> {
  let list: Chat[] = [];
  for (let tries = 0; isOvertaken && tries < mostTries; tries++) {
    isOvertaken = false;
    const { body, headers } = await ask<{ chats: Chat[] }>('GET', '/api/chats', undefined, {
      has: 'chats',
    });
    list = body.chats;
    listedUpTo = Number(headers.get('last-event-id'));
  }
  show(list);
}

function show(list: readonly Chat[]): void {
  batch(() => {
    byId.value = new Map(list.map((chat) => [chat.id, chat]));
    // The list comes in order; what happens later is newer than all of it.
    for (const [index, chat] of list.entries()) order.set(chat.id, -index);
    isLoaded.value = true;
  });
}

/** What counts for the badge of the whole: all, only mentions, or nothing. */
export function countOf({ notify, unread = 0, mentions = 0 }: Chat): number {
  if (notify === 'nothing') return 0;
  return notify === 'mentions' ? mentions : unread;
}

export function patchChat(id: number, patch: Partial<Chat>): void {
  const chat = byId.value.get(id);
  if (chat !== undefined) byId.value = new Map(byId.value).set(id, { ...chat, ...patch });
}

/** Takes a new title, and who may do what: a permission that is missing is everybody's. */
export function noteChat({
  id,
  ...changed
}: Pick<Chat, 'id' | 'title' | 'rename' | 'invite'>): void {
  const chat = byId.value.get(id);
  if (chat === undefined) return;
  const { rename: _, invite: __, ...rest } = chat;
  byId.value = new Map(byId.value).set(id, { ...rest, ...changed });
}

/** A direct chat shows the other's name and whether their account is disabled, which has changed. */
export function noteDirectChat(
  before: string,
  { name, disabled }: { name: string; disabled?: true },
): void {
  const chat = [...byId.value.values()].find(({ direct, title }) => direct && title === before);
  if (chat === undefined) return;
  const { disabled: _, ...rest } = chat;
  const changed = { ...rest, title: name, ...(disabled && { disabled }) };
  byId.value = new Map(byId.value).set(chat.id, changed);
}

/** Why a chat that was one's own is not any more, and what it was called. */
interface Gone {
  readonly title: string;
  readonly why: 'left' | 'removed' | 'deleted';
}

export const gone = signal<ReadonlyMap<number, Gone>>(new Map());

export function dropChat(id: number, why: Gone['why']): void {
  const title = byId.value.get(id)?.title;
  if (title !== undefined) gone.value = new Map(gone.value).set(id, { title, why });
  const rest = new Map(byId.value);
  rest.delete(id);
  byId.value = rest;
}

/** Shows a new message as its chat's last one. */
export function noteMessage(chatId: number, message: Message, isRead: boolean): void {
  // The list may be newer than the event, as when a line that was dead catches up.
  if (message.id <= listedUpTo) return;
  isOvertaken = true;
  const chat = byId.value.get(chatId);
  if (chat === undefined) return;
  order.set(chatId, ++latest);
  const isOwn = message.sender_id === ownId();
  const isCalled = isCalledIn(chatId, message.content);
  // Counted at once, because the answer may be long in coming; the server knows whom it calls.
  if (!isOwn && !isRead && isCalled === undefined) unlessBroken(loadChats());
  patchChat(chatId, {
    last_message: message.content,
    last_message_time: message.time,
    sender_id: message.sender_id,
    ...(isOwn
      ? { unread: 0, mentions: 0 }
      : !isRead && countedUp(chat, message.id, isCalled ?? true)),
  });
}

/** The server says up to where a chat is read only while something in it is unread. */
function countedUp(chat: Chat, id: number, isCalled: boolean): Partial<Chat> {
  const { unread = 0, mentions = 0 } = chat;
  return {
    unread: unread + 1,
    mentions: mentions + (isCalled ? 1 : 0),
    ...(unread === 0 && { read_id: id - 1 }),
  };
}

export function noteReading(
  chatId: number,
  reading: { unread: number; mentions: number; notify: Notify; id: number },
): void {
  const { unread, mentions, notify, id } = reading;
  const { notify: _, ...rest } = byId.value.get(chatId) ?? ({} as Chat);
  if (!byId.value.has(chatId)) return;
  const chat = { ...rest, unread, mentions, read_id: id, ...(notify !== 'all' && { notify }) };
  byId.value = new Map(byId.value).set(chatId, chat);
}

/** Where a chat stands in the list; what moved last has the largest number. */
const order = new Map<number, number>();
let latest = 0;
const moved = ({ id }: Chat) => order.get(id) ?? 0;
