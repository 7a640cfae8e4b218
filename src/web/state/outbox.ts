/**
 * What was written and is not yet known to be on the server. It is shown at once, kept over a
 * reload, and tried until the server has it; the same Idempotency-Key each time, so it is never there
 * twice.
 */
import { signal } from '@preact/signals';
import { ApiError, ask } from '../lib/api.ts';
import { load, save } from '../lib/store.ts';

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
  /** The id that it got; it is shown until the message itself arrives. */
  readonly sentAs?: number;
}

/** The wait before another try, in ms; it doubles up to the longest. */
const firstWait = 1_000;
const longestWait = 30_000;

export const outbox = signal<readonly Draft[]>([]);

let isSending = false;
let wait = firstWait;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Takes up what an earlier visit has left unsent. */
export function openOutbox(): void {
  outbox.value = load<Draft[]>('outbox', []).filter((draft) => draft.sentAs === undefined);
  void sendAll();
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

/** A message has arrived by the stream: its draft has done its work. */
export function settle(messageId: number): void {
  if (outbox.value.some((draft) => draft.sentAs === messageId)) {
    set(outbox.value.filter((draft) => draft.sentAs !== messageId));
  }
}

async function sendAll(): Promise<void> {
  if (isSending) return;
  isSending = true;
  try {
    for (let draft = next(); draft !== undefined; draft = next()) await send(draft);
    wait = firstWait;
  } catch {
    timer = setTimeout(() => void sendAll(), wait);
    wait = Math.min(2 * wait, longestWait);
  } finally {
    isSending = false;
  }
}

/** The oldest that waits: messages keep the order in which they were written. */
function next(): Draft | undefined {
  return outbox.value.find((draft) => draft.error === undefined && draft.sentAs === undefined);
}

async function send({ key, chatId, content, replyTo }: Draft): Promise<void> {
  const fields = { content, ...(replyTo !== undefined && { reply_to: String(replyTo) }) };
  try {
    const options = { headers: { 'idempotency-key': key } };
    const { location } = await ask('POST', `/api/chats/${chatId}`, fields, options);
    patch(key, { sentAs: Number(location.split('/').at(-1)) });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    patch(key, { error: error.message });
  }
}

function patch(key: string, change: Partial<Draft>): void {
  set(outbox.value.map((draft) => (draft.key === key ? { ...draft, ...change } : draft)));
}

function set(drafts: readonly Draft[]): void {
  outbox.value = drafts;
  save('outbox', drafts);
}

/** randomUUID is there over https and on localhost only. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
