/** The list of chats. */
import { batch, computed, signal } from '@preact/signals';
import { ask, unlessBroken } from '../lib/api.ts';
import type { Chat, EventPayloads, Message } from '../lib/wire.ts';
import { texts } from '../texts/index.ts';
import { ownId } from './account.ts';
import { isMentionedIn } from './mentions.ts';

const byId = signal<ReadonlyMap<number, Chat>>(new Map());

export const isLoaded = signal(false);

/** The chats by latest activity, newest first. */
export const chats = computed(() => [...byId.value.values()].sort((a, b) => rank(b) - rank(a)));

/** The number of unread messages that the user wants to be notified of. */
export const unreadTotal = computed(() =>
  chats.value.reduce((sum, chat) => sum + countOf(chat), 0),
);

export const chatOf = (id: number): Chat | undefined => byId.value.get(id);

/** The list is loaded at most this often in a row: with constant activity it is never current. */
const mostTries = 3;

let loading: Promise<void> | undefined;
let isStale = false;

/** The messages that have arrived since the list was requested. */
const arrived: Parameters<typeof noteMessage>[] = [];

/** The last event that the loaded list certainly includes. */
let listedUpTo = 0;

/** By chat, the last message that its counts include, where an event has said so since then. */
const countedUpTo = new Map<number, number>();

/** Loads the list, and again if it changes meanwhile: the answer may not include the change. */
export function loadChats(): Promise<void> {
  isStale = true;
  loading ??= loadUntilCurrent()
    .finally(() => {
      loading = undefined;
    })
    .then(noteArrived);
  return loading;
}

/** Counts the messages that arrived while the list was loaded for the last time. */
function noteArrived(): void {
  for (const one of arrived.splice(0)) noteMessage(...one);
}

async function loadUntilCurrent(): Promise<void> {
  let list: Chat[] = [];
  for (let tries = 0; isStale && tries < mostTries; tries++) {
    isStale = false;
    arrived.length = 0;
    const { body, headers } = await ask<{ chats: Chat[] }>('GET', '/api/chats', undefined, {
      has: 'chats',
    });
    list = body.chats;
    listedUpTo = Number(headers.get('last-event-id'));
  }
  show(list);
}

/** Changes the list here, after an event or an action. */
function change(chats: ReadonlyMap<number, Chat>): void {
  isStale = true;
  byId.value = chats;
}

function show(list: readonly Chat[]): void {
  batch(() => {
    byId.value = new Map(list.map((chat) => [chat.id, inOwnWords(chat)]));
    countedUpTo.clear();
    // The list is in order; later messages rank above all of it.
    for (const [index, chat] of list.entries()) order.set(chat.id, -index);
    isLoaded.value = true;
  });
}

/** Gives the direct chat with a deleted account, which has no name left, a title to show. */
function inOwnWords(chat: Chat): Chat {
  return chat.gone ? { ...chat, title: texts.deletedUser } : chat;
}

/**
 * Whether a member of a chat can send messages to it: somebody must be there to read them. They can
 * where the list of chats is not loaded yet.
 */
export const mayWrite = (chat: Chat | undefined) => !(chat?.disabled || chat?.gone);

/** A chat's share of the total: all unread messages, only mentions, or nothing. */
export function countOf({ notify, unread = 0, mentions = 0 }: Chat): number {
  if (notify === 'nothing') return 0;
  return notify === 'mentions' ? mentions : unread;
}

export function patchChat(id: number, patch: Partial<Chat>): void {
  const chat = byId.value.get(id);
  if (chat !== undefined) change(new Map(byId.value).set(id, { ...chat, ...patch }));
}

/** Updates a chat's title and permissions; an absent permission means everybody. */
export function noteChat({
  id,
  ...changed
}: Pick<Chat, 'id' | 'title' | 'rename' | 'invite'>): void {
  const chat = byId.value.get(id);
  if (chat === undefined) return;
  const { rename: _, invite: __, ...rest } = chat;
  change(new Map(byId.value).set(id, { ...rest, ...changed }));
}

/**
 * Updates the direct chat with a user after a change of their name, or of whether the account is
 * disabled or gone.
 */
export function noteDirectChat({
  id,
  name = '',
  disabled,
  gone: isGone,
}: {
  id: number;
  name?: string;
  disabled?: true;
  gone?: true;
}): void {
  const chat = [...byId.value.values()].find((one) => one.partner_id === id);
  if (chat === undefined) return;
  const { disabled: _, ...rest } = chat;
  const state = { ...(disabled && { disabled }), ...(isGone && { gone: isGone }) };
  const changed = inOwnWords({ ...rest, title: name, ...state });
  change(new Map(byId.value).set(chat.id, changed));
}

/** The title of a chat that the user is no longer in, and why. */
interface Gone {
  readonly title: string;
  readonly why: 'left' | 'removed' | 'deleted';
}

export const gone = signal<ReadonlyMap<number, Gone>>(new Map());

/** Removes a chat. One without members is deleted right after its last member has left it. */
export function dropChat(id: number, why: Gone['why']): void {
  const left = why === 'deleted' ? gone.value.get(id) : undefined;
  const { title } = byId.value.get(id) ?? left ?? {};
  if (title !== undefined) gone.value = new Map(gone.value).set(id, { title, why });
  const rest = new Map(byId.value);
  rest.delete(id);
  change(rest);
}

/** Shows a new message as its chat's last one, and counts it. */
export function noteMessage(chatId: number, message: Message, isRead: boolean): void {
  // The list may be newer than the event, for example when the stream catches up after a break.
  if (message.id <= listedUpTo) return;
  isStale = true;
  if (loading !== undefined) arrived.push([chatId, message, isRead]);
  const chat = byId.value.get(chatId);
  if (chat === undefined) return;
  order.set(chatId, ++latest);
  const isOwn = message.sender_id === ownId();
  const isMentioned = isMentionedIn(chatId, message.content);
  const isCounted = message.id <= (countedUpTo.get(chatId) ?? 0);
  // Only the server knows whether it is a mention. It is counted as one until the answer comes.
  if (!isOwn && !isRead && isMentioned === undefined) unlessBroken(loadChats());
  patchChat(chatId, {
    last_message: message.content,
    last_message_time: message.time,
    sender_id: message.sender_id,
    ...(isOwn
      ? { unread: 0, mentions: 0 }
      : !isRead && !isCounted && countedUp(chat, message.id, isMentioned ?? true)),
  });
}

/**
 * Sets `read_id` for the first unread message: the server sends it only for chats with unread ones.
 */
function countedUp(chat: Chat, id: number, isMentioned: boolean): Partial<Chat> {
  const { unread = 0, mentions = 0 } = chat;
  return {
    unread: unread + 1,
    mentions: mentions + (isMentioned ? 1 : 0),
    ...(unread === 0 && { read_id: id - 1 }),
  };
}

/**
 * Takes over the counts of an event. They are of the time at which it was sent, so they may include
 * messages whose own events are still to come.
 */
export function noteReading({
  chat_id: chatId,
  unread,
  mentions,
  notify,
  id,
  last_id: lastId,
}: EventPayloads['read']): void {
  const { notify: _, ...rest } = byId.value.get(chatId) ?? ({} as Chat);
  if (!byId.value.has(chatId)) return;
  const chat = { ...rest, unread, mentions, read_id: id, ...(notify !== 'all' && { notify }) };
  change(new Map(byId.value).set(chatId, chat));
  countedUpTo.set(chatId, lastId);
}

/** The rank of each chat in the list; the chat with the latest message has the largest. */
const order = new Map<number, number>();
let latest = 0;
const rank = ({ id }: Chat) => order.get(id) ?? 0;
