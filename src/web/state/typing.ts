/** Who is typing, and telling the others that one is. */
import { signal } from '@preact/signals';
import { post } from '../lib/api.ts';
import { ownId } from './account.ts';

/** Somebody types until so long after they were last heard of, in ms. */
const lasting = 6_000;

/** The others are told at most this often, in ms. */
const interval = 3_000;

const until = signal<ReadonlyMap<string, number>>(new Map());
/** When the others were last told, by chat. */
const lastTold = new Map<number, number>();

/** The users who are typing in a chat. */
export function typingUsers(chatId: number): number[] {
  return [...until.value.keys()]
    .map((key) => key.split('/').map(Number))
    .filter(([chat]) => chat === chatId)
    .map(([, user = 0]) => user);
}

export function noteTyping(chatId: number, userId: number): void {
  const key = `${chatId}/${userId}`;
  until.value = new Map(until.value).set(key, Date.now() + lasting);
  setTimeout(forgetIdle, lasting + 50);
}

/** Somebody has sent what they typed; for oneself, the next word is news again. */
export function stopTyping(chatId: number, userId: number): void {
  if (userId === ownId()) lastTold.delete(chatId);
  const rest = new Map(until.value);
  if (rest.delete(`${chatId}/${userId}`)) until.value = rest;
}

export function sendTyping(chatId: number): void {
  if (Date.now() - (lastTold.get(chatId) ?? 0) < interval) return;
  lastTold.set(chatId, Date.now());
  // Nobody misses it if it does not arrive.
  post(`/api/chats/${chatId}/typing`).catch(() => {});
}

function forgetIdle(): void {
  const now = Date.now();
  until.value = new Map([...until.value].filter(([, end]) => end > now));
}
