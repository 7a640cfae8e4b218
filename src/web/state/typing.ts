/** Typing indicators: shows who is typing, and reports when the user does. */
import { signal } from '@preact/signals';
import { post } from '../lib/api.ts';
import { ownId } from './account.ts';

/** How long a typing indicator is shown after its last event, in ms. */
const duration = 6_000;

/** The minimum time between two reports, in ms. */
const interval = 3_000;

const until = signal<ReadonlyMap<string, number>>(new Map());
/** When typing was last reported, by chat. */
const lastSent = new Map<number, number>();

/** The users who are typing in a chat. */
export function typingUsers(chatId: number): number[] {
  return [...until.value.keys()]
    .map((key) => key.split('/').map(Number))
    .filter(([chat]) => chat === chatId)
    .map(([, user = 0]) => user);
}

export function noteTyping(chatId: number, userId: number): void {
  const key = `${chatId}/${userId}`;
  until.value = new Map(until.value).set(key, Date.now() + duration);
  setTimeout(removeIdle, duration + 50);
}

/**
 * Ends a user's indicator when their message arrives; the user's own next word is reported at once.
 */
export function stopTyping(chatId: number, userId: number): void {
  if (userId === ownId()) lastSent.delete(chatId);
  const rest = new Map(until.value);
  if (rest.delete(`${chatId}/${userId}`)) until.value = rest;
}

export function sendTyping(chatId: number): void {
  if (Date.now() - (lastSent.get(chatId) ?? 0) < interval) return;
  lastSent.set(chatId, Date.now());
  // It does not matter if one is lost.
  post(`/api/chats/${chatId}/typing`).catch(() => {});
}

function removeIdle(): void {
  const now = Date.now();
  until.value = new Map([...until.value].filter(([, end]) => end > now));
}
