/**
 * What was written and is not yet known to be on the server. It is shown at once, kept over a
 * reload, and tried until the server has it; the same Idempotency-Key each time, so it is never there
 * twice.
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
  /** Why the server does not take it; it is then not tried again by itself. */
  readonly error?: string;
  /** Its message came by the stream before the answer did, so it need not be shown any more. */
  readonly arrived?: true;
}

/** The least wait before another try, in ms; it doubles up to the longest. */
const firstWait = 1_000;
const longestWait = 30_000;

export const outbox = signal<readonly Draft[]>([]);

let isSending = false;
let wait = firstWait;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Takes up what an earlier visit has left unsent. */
export function openOutbox(): void {
  const kept = loadAll<Partial<Draft>>('outbox.').filter(isDraft);
  outbox.value = kept.sort((a, b) => a.time.localeCompare(b.time));
  void sendAll();
}

/** Whether something that was kept is a draft as this version of the page has them. */
function isDraft(kept: Partial<Draft>): kept is Draft {
  const texts = [kept.key, kept.content, kept.time];
  return typeof kept.chatId === 'number' && texts.every((text) => typeof text === 'string');
}

/** Puts a message in line and sends as much as goes. */
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

/** The line is back: nothing needs to wait any longer. */
export function sendNow(): void {
  wait = firstWait;
  clearTimeout(timer);
  void sendAll();
}

/** A message of one's own has come by the stream: perhaps the one that waits for its answer. */
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

/** The oldest that waits: messages keep the order in which they were written. */
function next(): Draft | undefined {
  return outbox.value.find((draft) => draft.error === undefined);
}

async function send(draft: Draft): Promise<void> {
  const { key, chatId, content, replyTo, time } = draft;
  const fields = { content, ...(replyTo !== undefined && { reply_to: String(replyTo) }) };
  try {
    // On a connection that died unnoticed the answer never comes, and on another one it does.
    const options = { headers: { 'idempotency-key': key }, patience: 10 * wait };
    const { location } = await ask('POST', `/api/chats/${chatId}`, fields, options);
    const reply = replyTo !== undefined && { reply_to: replyTo };
    const id = idIn(location);
    // The stream brings it too; but that may be down.
    expectEvent(id);
    addMessage(chatId, { id, content, sender_id: ownId(), time, ...reply });
    discard(draft);
  } catch (error) {
    // The message waits for whoever signs in again.
    if (!(error instanceof ApiError) || error.code === 'signed_out') throw error;
    patch(key, { error: sentenceOf(error) });
  }
}

function patch(key: string, change: Partial<Draft>): void {
  set(outbox.value.map((draft) => (draft.key === key ? { ...draft, ...change } : draft)));
}

/** Each draft is kept by itself: other tabs keep theirs in the same place. */
function set(drafts: readonly Draft[]): void {
  const before = outbox.value;
  for (const draft of drafts) if (!before.includes(draft)) save(`outbox.${draft.key}`, draft);
  for (const { key } of before) {
    if (drafts.every((draft) => draft.key !== key)) drop(`outbox.${key}`);
  }
  outbox.value = drafts;
}

/** randomUUID is there over https and on localhost only. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
