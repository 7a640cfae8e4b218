/** The members of chats, as far as they were asked for. */
import { type Signal, signal } from '@preact/signals';
import { get } from '../lib/api.ts';
import type { Member } from '../lib/wire.ts';
import { ownId } from './account.ts';
import { chatOf } from './chats.ts';
import { learn } from './people.ts';

interface Members {
  readonly list: Signal<readonly Member[]>;
  /** Counts what was told, so that a list which is older does not undo it. */
  changes: number;
}

const byChat = new Map<number, Members>();

/** A chat's members, the longest-standing first; empty until they are loaded. */
export function membersOf(chatId: number): readonly Member[] {
  return ofChat(chatId).list.value;
}

export function isOwner(chatId: number): boolean {
  return membersOf(chatId).some((member) => member.id === ownId() && member.role === 'owner');
}

export async function loadMembers(chatId: number): Promise<void> {
  const chat = ofChat(chatId);
  const before = chat.changes;
  const { members } = await get<{ members: Member[] }>(`/api/chats/${chatId}/members`);
  if (chat.changes !== before) return loadMembers(chatId);
  learn(members);
  chat.list.value = members;
}

/** Loads anew what was loaded of the chats that are still one's own: more has happened than was told. */
export async function reloadMembers(): Promise<void> {
  const loaded = [...byChat].filter(([id, { list }]) => list.value.length > 0 && chatOf(id));
  await Promise.all(loaded.map(([id]) => loadMembers(id)));
}

export function noteMember(chatId: number, member: Member): void {
  learn([member]);
  change(chatId, (members) => {
    const isNew = members.every(({ id }) => id !== member.id);
    return isNew
      ? [...members, member]
      : members.map((known) => (known.id === member.id ? member : known));
  });
}

export function dropMember(chatId: number, userId: number): void {
  change(chatId, (members) => members.filter(({ id }) => id !== userId));
}

/** Of a chat whose members nobody has asked for, there is nothing to change. */
function change(chatId: number, how: (members: readonly Member[]) => readonly Member[]): void {
  const chat = byChat.get(chatId);
  if (chat === undefined) return;
  chat.changes += 1;
  chat.list.value = how(chat.list.value);
}

function ofChat(chatId: number): Members {
  let chat = byChat.get(chatId);
  if (chat === undefined) {
    chat = { list: signal<readonly Member[]>([]), changes: 0 };
    byChat.set(chatId, chat);
  }
  return chat;
}
