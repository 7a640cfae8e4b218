/**
 * Messages that the server has not confirmed yet. They are shown at once, survive a reload, and are
 * sent until the server has them; always with the same Idempotency-Key, so they are never
 * duplicated.
 */
import { signal } from '@preact/signals';
import { ApiError, ask, idIn, NetworkError } from '../lib/api.ts';
import { drop, loadAll, save } from '../lib/store.ts';
import type { Message } from '../lib/wire.ts';
import { sentenceOf } from '../texts/sentence.ts';
import { ownId } from './account.ts';
import { expectEvent } from './connection.ts';
import { addMessage } from './message-window.ts';

export interface Draft {
  /** The Idempotency-Key. */
  readonly key: string;
  readonly chatId: number;
  readonly content: string;
  readonly replyTo?: number;
  /** When it was written, ISO 8601. */
  readonly time: string;
  /** Why the server refused it; then it is not sent again automatically. */
  readonly error?: string;
  /** The stream delivered its message before the answer, so the draft is no longer shown. */
  readonly arrived?: true;
}

/** The delay before the next attempt, in ms; it doubles up to the longest. */
const firstWait = 1_000;
const longestWait = 30_000;

export const outbox = signal<readonly Draft[]>([]);

let isSending = false;
let wait = firstWait;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Loads and sends the messages that an earlier visit left unsent. */
export function openOutbox(): void {
  const saved = loadAll<Partial<Draft>>('outbox.').filter(isDraft);
  outbox.value = saved.sort((a, b) => a.time.localeCompare(b.time));
  void sendAll();
}

/** Whether a saved value is a draft as this version of the page writes them. */
function isDraft(saved: Partial<Draft>): saved is Draft {
  const texts = [saved.key, saved.content, saved.time];
  return typeof saved.chatId === 'number' && texts.every((text) => typeof text === 'string');
}

/** Adds a message to the outbox and starts sending. */
export function enqueue(chatId: number, content: string, replyTo?: number): void {
  const draft = { key: newKey(), chatId, content, time: new Date().toISOString() };
  set([...outbox.value, { ...draft, ...(replyTo !== undefined && { replyTo }) }]);
  void sendAll();
}

export function retry({ key }: Draft): void {
  set(
    outbox.value.map(({ error: _, ...draft }) =>
      draft.key === key ? draft : { ...draft, ...(_ && { error: _ }) },
    ),
  );
  void sendAll();
}

export function discard({ key }: Draft): void {
  set(outbox.value.filter((draft) => draft.key !== key));
}

/** Sends at once, because the connection is back. */
export function sendNow(): void {
  wait = firstWait;
  clearTimeout(timer);
  void sendAll();
}

/** Hides the draft that waits for its answer, if the stream has delivered its message. */
export function settle(chatId: number, { content, sender_id: sender }: Message): void {
  const draft = next();
  if (!isSending || sender !== ownId() || draft === undefined) return;
  if (draft.chatId === chatId && draft.content === content) patch(draft.key, { arrived: true });
}

async function sendAll(): Promise<void> {
  if (isSending) return;
  isSending = true;
  try {
    for (let draft = next(); draft !== undefined; draft = next()) {
      await send(draft);
      wait = firstWait;
    }
  } catch (error) {
    const asked = error instanceof NetworkError ? error.wait : 0;
    clearTimeout(timer);
    timer = setTimeout(() => void sendAll(), Math.max(wait, asked));
    wait = Math.min(2 * wait, longestWait);
  } finally {
    isSending = false;
  }
}

/** The oldest waiting draft: messages are sent in the order in which they were written. */
function next(): Draft | undefined {
  return outbox.value.find((draft) => draft.error === undefined);
}

async function send(draft: Draft): Promise<void> {
  const { key, chatId, content, replyTo, time } = draft;
  const fields = { content, ...(replyTo !== undefined && { reply_to: String(replyTo) }) };
  try {
    // On a connection that died unnoticed the answer never comes; a new attempt uses another one.
    const options = { headers: { 'idempotency-key': key }, timeout: 10 * wait };
    const { location } = await ask('POST', `/api/chats/${chatId}`, fields, options);
    const reply = replyTo !== undefined && { reply_to: replyTo };
    const id = idIn(location, `/api/chats/${chatId}/messages`);
    // The stream delivers it too, but may be down.
    expectEvent(id);
    addMessage(chatId, { id, content, sender_id: ownId(), time, ...reply });
    discard(draft);
  } catch (error) {
    // If the session is over, the message waits until the user signs in again.
    if (!(error instanceof ApiError) || error.code === 'signed_out') throw error;
    patch(key, { error: sentenceOf(error) });
  }
}

function patch(key: string, change: Partial<Draft>): void {
  set(outbox.value.map((draft) => (draft.key === key ? { ...draft, ...change } : draft)));
}

/** Saves each draft under its own key, because other tabs save theirs in the same storage. */
function set(drafts: readonly Draft[]): void {
  const before = outbox.value;
  for (const draft of drafts) if (!before.includes(draft)) save(`outbox.${draft.key}`, draft);
  for (const { key } of before) {
    if (drafts.every((draft) => draft.key !== key)) drop(`outbox.${key}`);
  }
  outbox.value = drafts;
}

/** `randomUUID` is available only over https and on localhost. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
