/** The members of chats, as far as they were asked for. */
import { type Signal, signal } from '@preact/signals';
import { get } from '../lib/api.ts';
import type { Member } from '../lib/wire.ts';
import { ownId } from './account.ts';
import { chatOf } from './chats.ts';
import { learn } from './people.ts';

const byChat = new Map<number, Signal<readonly Member[]>>();

/** Counts what was told, so that a list which is older does not undo it. */
let changes = 0;

/** A chat's members, the longest-standing first; empty until they are loaded. */
export function membersOf(chatId: number): readonly Member[] {
  return signalOf(chatId).value;
}

export function isOwner(chatId: number): boolean {
  return membersOf(chatId).some((member) => member.id === ownId() && member.role === 'owner');
}

export async function loadMembers(chatId: number): Promise<void> {
  const before = changes;
  const { members } = await get<{ members: Member[] }>(`/api/chats/${chatId}/members`);
  if (changes !== before) return loadMembers(chatId);
  learn(members);
  signalOf(chatId).value = members;
}

/** Loads anew what was loaded of the chats that are still one's own: more has happened than was told. */
export async function reloadMembers(): Promise<void> {
  const loaded = [...byChat].filter(([id, { value }]) => value.length > 0 && chatOf(id));
  await Promise.all(loaded.map(([id]) => loadMembers(id)));
}

export function noteMember(chatId: number, member: Member): void {
  changes += 1;
  learn([member]);
  const members = byChat.get(chatId);
  if (members === undefined) return;
  const isNew = members.value.every(({ id }) => id !== member.id);
  members.value = isNew
    ? [...members.value, member]
    : members.value.map((known) => (known.id === member.id ? member : known));
}

export function dropMember(chatId: number, userId: number): void {
  changes += 1;
  const members = byChat.get(chatId);
  if (members !== undefined) members.value = members.value.filter(({ id }) => id !== userId);
}

function signalOf(chatId: number): Signal<readonly Member[]> {
  let members = byChat.get(chatId);
  if (members === undefined) {
    members = signal<readonly Member[]>([]);
    byChat.set(chatId, members);
  }
  return members;
}
