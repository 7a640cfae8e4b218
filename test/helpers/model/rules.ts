/** Rules that several calls of the model share. */
import { type Chat, fold, type Message, type Model, refuse } from './state.ts';

/** A user enters a chat and has read all that is there. */
export function join(model: Model, chat: Chat, userId: number, role: 'owner' | 'member'): void {
  const readId = chat.messages.at(-1)?.id ?? 0;
  chat.members.set(userId, { role, notify: 'all', joined: model.now, readId });
}

/** A user who has left a direct chat is in it again when the other one writes, if possible. */
export function bringPartnerBack(model: Model, { pair, ...chat }: Chat, userId: number): void {
  const partnerId = pair?.find((id) => id !== userId);
  if (partnerId === undefined) return;
  const partner = model.users.get(partnerId);
  if (partner === undefined || partner.disabled !== undefined) refuse('nobody_there');
  if (!chat.members.has(partnerId)) join(model, chat, partnerId, 'member');
}

/** Ends a membership, and the invites that it made. */
export function endMembership(model: Model, chat: Chat, userId: number): void {
  chat.members.delete(userId);
  for (const { code, chatId, userId: maker } of model.invites.values()) {
    if (chatId === chat.id && maker === userId) model.invites.delete(code);
  }
}

export function leave(model: Model, chat: Chat, userId: number): void {
  const wasOwner = chat.members.get(userId)?.role === 'owner';
  endMembership(model, chat, userId);
  const [successor] = chat.members.values();
  if (successor === undefined) model.chats.delete(chat.id);
  else if (wasOwner && ![...chat.members.values()].some(({ role }) => role === 'owner')) {
    successor.role = 'owner';
  }
}

/** Joins the chat of an invite, which may use it up. */
export function accept(model: Model, code: string, userId: number): Chat {
  const invite = model.liveInvite(code);
  const chat = model.requireChat(invite.chatId);
  if (chat.members.has(userId)) return chat;
  if (chat.removed.has(userId)) refuse('removed');
  if (invite.usesLeft === 1) model.invites.delete(code);
  else if (invite.usesLeft !== undefined) invite.usesLeft -= 1;
  join(model, chat, userId, 'member');
  return chat;
}

/** The members mentioned in a text: after each @ the longest member name that ends a word. */
export function callsIn(model: Model, chat: Chat, sender: number, content: string): Set<number> {
  const calls = new Set<number>();
  for (const { index } of content.matchAll(/(?<![\p{L}\p{M}\p{N}_])@/gu)) {
    let longest = 0;
    let called = sender;
    for (const id of chat.members.keys()) {
      const { name } = model.users.get(id) ?? { name: '' };
      const text = content.slice(index + 1, index + 1 + name.length);
      const next = content[index + 1 + name.length] ?? ' ';
      const isCalled = fold(text) === fold(name) && !/[\p{L}\p{M}\p{N}]/u.test(next);
      if (isCalled && name.length > longest) [longest, called] = [name.length, id];
    }
    if (called !== sender) calls.add(called);
  }
  return calls;
}

export function deleteMessage(chat: Chat, { id }: Message): void {
  chat.messages.splice(
    chat.messages.findIndex((message) => message.id === id),
    1,
  );
}
