/** Reading: what one has seen is noted, here and on the server. */
import { LineError, put } from '../lib/api.ts';
import { chatOf, patchChat } from './chats.ts';

/** The newest message that was reported as read, by chat. */
const reported = new Map<number, number>();

/** Chats in which something was read as it came, so that it was never counted as unread here. */
const unreported = new Set<number>();

export function noteReadAtOnce(chatId: number): void {
  unreported.add(chatId);
}

/** What the server could not be told, by chat. */
const missed = new Map<number, number>();

/** Notes that a chat is read up to a message; told to the server once. */
export function readUpTo(chatId: number, id: number): void {
  if ((reported.get(chatId) ?? 0) >= id) return;
  reported.set(chatId, id);
  if (!unreported.delete(chatId) && !chatOf(chatId)?.unread) return;
  patchChat(chatId, { unread: 0, mentions: 0 });
  report(chatId, id);
}

/** The line is back: what could not be told is told now. */
export function reportAgain(): void {
  const marks = [...missed];
  missed.clear();
  for (const [chatId, id] of marks) report(chatId, id);
}

function report(chatId: number, id: number): void {
  put(`/api/chats/${chatId}/read`, { id: String(id) }).catch((error: unknown) => {
    if (error instanceof LineError) missed.set(chatId, id);
  });
}
