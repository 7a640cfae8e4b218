/** The members of chats, loaded on demand. */
import { type Signal, signal } from '@preact/signals';
import { getAll } from '../lib/api.ts';
import type { Member } from '../lib/wire.ts';
import { ownId } from './account.ts';
import { chatOf } from './chats.ts';
import { cacheNames } from './user-names.ts';

type Change = (members: readonly Member[]) => readonly Member[];

interface Members {
  readonly list: Signal<readonly Member[]>;
  /** Whether the list has all of them. */
  isLoaded: boolean;
  /** The changes during each current load: its pages may be older than these. */
  readonly loads: Set<Change[]>;
}

const byChat = new Map<number, Members>();

/** A chat's members, longest-standing first; empty until they are loaded. */
export function membersOf(chatId: number): readonly Member[] {
  return ofChat(chatId).list.value;
}

export function areMembersLoaded(chatId: number): boolean {
  return ofChat(chatId).isLoaded;
}

export function isOwner(chatId: number): boolean {
  return membersOf(chatId).some((member) => member.id === ownId() && member.role === 'owner');
}

export async function loadMembers(chatId: number): Promise<void> {
  const chat = ofChat(chatId);
  const changes: Change[] = [];
  chat.loads.add(changes);
  try {
    const members = await getAll<Member>(`/api/chats/${chatId}/members`, 'members');
    cacheNames(members);
    chat.isLoaded = true;
    chat.list.value = changes.reduce<readonly Member[]>((list, change) => change(list), members);
  } finally {
    chat.loads.delete(changes);
  }
}

/** Loads the members of the user's chats again where they were loaded, after missed events. */
export async function reloadMembers(): Promise<void> {
  const loaded = [...byChat].filter(([id, { list }]) => list.value.length > 0 && chatOf(id));
  await Promise.all(loaded.map(([id]) => loadMembers(id)));
}

export function noteMember(chatId: number, member: Member): void {
  cacheNames([member]);
  change(chatId, (members) => {
    const isNew = members.every(({ id }) => id !== member.id);
    return isNew
      ? [...members, member]
      : members.map((before) => (before.id === member.id ? member : before));
  });
}

/** Updates a user who was renamed, disabled or enabled, in all chats. */
export function noteUser({ id, name, disabled }: Pick<Member, 'id' | 'name' | 'disabled'>): void {
  for (const chatId of byChat.keys()) {
    change(chatId, (members) =>
      members.map((member) => {
        if (member.id !== id) return member;
        const { disabled: _, ...rest } = member;
        return { ...rest, name, ...(disabled && { disabled }) };
      }),
    );
  }
}

export function dropMember(chatId: number, userId: number): void {
  change(chatId, (members) => members.filter(({ id }) => id !== userId));
}

/** Changes a chat's list of members; does nothing if it was never needed. */
function change(chatId: number, how: Change): void {
  const chat = byChat.get(chatId);
  if (chat === undefined) return;
  for (const changes of chat.loads) changes.push(how);
  chat.list.value = how(chat.list.value);
}

function ofChat(chatId: number): Members {
  let chat = byChat.get(chatId);
  if (chat === undefined) {
    chat = { list: signal<readonly Member[]>([]), isLoaded: false, loads: new Set() };
    byChat.set(chatId, chat);
  }
  return chat;
}
