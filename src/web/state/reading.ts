/** Reading: what one has seen is noted, here and on the server. */
import { ApiError, put } from '../lib/api.ts';
import { isLooking } from './attention.ts';
import { chatOf, patchChat } from './chats.ts';
import { messageWindow } from './message-window.ts';

/** The newest message that was noted as read, by chat. */
const noted = new Map<number, number>();

/** Chats in which something was read as it came, so that it was never counted as unread here. */
const unreported = new Set<number>();

/** What the server is still to be told, by chat. */
const due = new Map<number, number>();

/** The server is told at most this often, in ms: one may scroll through many messages. */
const interval = 300;

let timer: ReturnType<typeof setTimeout> | undefined;

/** The chat whose newest messages are in sight. */
let chatAtEnd: number | undefined;

/** Notes whether the end of a chat is in sight. */
export function noteEnd(chatId: number, isInSight: boolean): void {
  if (isInSight) chatAtEnd = chatId;
  else if (chatAtEnd === chatId) chatAtEnd = undefined;
}

/** Whether somebody looks at the end of this chat, so that what arrives is read at once. */
export function isBeingRead(chatId: number): boolean {
  return chatAtEnd === chatId && isLooking();
}

export function noteReadAtOnce(chatId: number): void {
  unreported.add(chatId);
}

/**
 * Notes that a chat is read up to a message that somebody has in sight. Before the list of chats is
 * there, it is not known what is unread: then it is to be called again.
 */
export function readUpTo(chatId: number, id: number): void {
  const chat = chatOf(chatId);
  if (chat === undefined || !isLooking() || (noted.get(chatId) ?? 0) >= id) return;
  if (!chat.unread && !unreported.has(chatId)) return;
  noted.set(chatId, id);
  if (isNewest(chatId, id)) {
    unreported.delete(chatId);
    patchChat(chatId, { unread: 0, mentions: 0 });
  }
  due.set(chatId, id);
  timer ??= setTimeout(report, interval);
}

/** Whether a message is the newest one; of an older one, the server says how much is left. */
function isNewest(chatId: number, id: number): boolean {
  const open = messageWindow.value;
  return open?.chatId === chatId && !open.hasNewer && (open.messages.at(-1)?.id ?? 0) <= id;
}

/** Tells the server; what it cannot be told now, it is told when the line is back. */
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
