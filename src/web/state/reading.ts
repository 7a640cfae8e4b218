/** Marks messages as read, here and on the server. */
import { ApiError, put } from '../lib/api.ts';
import { isLooking } from './attention.ts';
import { chatOf, patchChat } from './chats.ts';
import { messageWindow } from './message-window.ts';

/** The newest message marked as read here, by chat. */
const marked = new Map<number, number>();

/** Chats with messages that were read on arrival, and so were never counted as unread here. */
const unreported = new Set<number>();

/** The read marks that the server does not have yet, by chat. */
const due = new Map<number, number>();

/** The minimum time between two reports to the server, in ms: scrolling passes many messages. */
const interval = 300;

let timer: ReturnType<typeof setTimeout> | undefined;

/** The chat whose end is in view. */
let chatAtEnd: number | undefined;

/** Records whether the end of a chat is in view. */
export function noteEnd(chatId: number, isInSight: boolean): void {
  if (isInSight) chatAtEnd = chatId;
  else if (chatAtEnd === chatId) chatAtEnd = undefined;
}

/** Whether the user is looking at the end of this chat, so that new messages are read at once. */
export function isBeingRead(chatId: number): boolean {
  return chatAtEnd === chatId && isLooking();
}

export function noteReadAtOnce(chatId: number): void {
  unreported.add(chatId);
}

/**
 * Marks a chat as read up to a message in view. Does nothing until the list of chats is loaded,
 * which says what is unread; call it again then.
 */
export function readUpTo(chatId: number, id: number): void {
  const chat = chatOf(chatId);
  if (chat === undefined || !isLooking() || (marked.get(chatId) ?? 0) >= id) return;
  if (!chat.unread && !unreported.has(chatId)) return;
  marked.set(chatId, id);
  if (isNewest(chatId, id)) {
    unreported.delete(chatId);
    patchChat(chatId, { unread: 0, mentions: 0 });
  }
  due.set(chatId, id);
  timer ??= setTimeout(report, interval);
}

/**
 * Whether a message is the newest one; for an older one, the server sends the number of unread
 * ones.
 */
function isNewest(chatId: number, id: number): boolean {
  const open = messageWindow.value;
  return open?.chatId === chatId && !open.hasNewer && (open.messages.at(-1)?.id ?? 0) <= id;
}

/**
 * Reports the read marks to the server; those that fail are reported when the connection is back.
 */
export function report(): void {
  clearTimeout(timer);
  timer = undefined;
  const marks = [...due];
  due.clear();
  for (const [chatId, id] of marks) {
    put(`/api/chats/${chatId}/read`, { id: String(id) }).catch((error: unknown) => {
      if (!(error instanceof ApiError)) due.set(chatId, Math.max(id, due.get(chatId) ?? 0));
    });
  }
}
