/** Chats: who makes one, who renames it, how two people get theirs. */
import type { Unit } from '../db/commit.ts';
import { Refusal } from '../errors.ts';
import { append } from '../events/log.ts';
import { authorise, join, type Key } from '../members/members.ts';
import { findMembership } from '../members/queries.ts';
import { findUserByName } from '../users/queries.ts';
import { requireUser } from '../users/users.ts';
import { findChat, findDirectChat, insertChat, updatePermissions, updateTitle } from './queries.ts';
import type { Permissions } from './wire.ts';

/** What a direct chat is called once the other one's account is gone. */
const directTitle = 'Direct chat';

/**
 * Makes a chat with its maker as the owner.
 *
 * @param isOpen whether it stands in the directory, for anyone to join.
 * @returns the new chat's id.
 * @throws Refusal `signed_out` if the maker's account is gone.
 */
export async function createChat(
  unit: Unit,
  { userId, title, isOpen }: { userId: number; title: string; isOpen: boolean },
): Promise<number> {
  await requireUser(unit, { userId });
  const id = await append(unit, { type: 'chat.created', userId });
  const direct = { directLow: null, directHigh: null };
  await insertChat(unit, { id, title, isOpen, ...direct, createdAt: unit.now, createdBy: userId });
  await join(unit, { chatId: id, userId, role: 'owner' });
  return id;
}

/**
 * Opens the direct chat of the caller and another user: the same pair always has the same one, and
 * who had left it is in it again.
 *
 * @returns the chat's id.
 * @throws Refusal `signed_out`, `no_user`, `direct_self`
 */
export async function openDirectChat(
  unit: Unit,
  { userId, nameKey }: { userId: number; nameKey: string },
): Promise<number> {
  await requireUser(unit, { userId });
  const other = await findUserByName(unit, { nameKey });
  if (other === undefined) throw new Refusal('no_user');
  if (other.id === userId) throw new Refusal('direct_self');
  const chatId = await requireDirectChat(unit, userId, other.id);
  for (const member of [userId, other.id]) {
    const key = { chatId, userId: member };
    // Neither owns it: nobody removes the other, or what the other wrote.
    if ((await findMembership(unit, key)) === undefined)
      await join(unit, { ...key, role: 'member' });
  }
  return chatId;
}

async function requireDirectChat(unit: Unit, one: number, other: number): Promise<number> {
  const low = Math.min(one, other);
  const high = Math.max(one, other);
  const found = await findDirectChat(unit, { low, high });
  if (found !== undefined) return found.id;
  const id = await append(unit, { type: 'chat.created', userId: one });
  const direct = { directLow: low, directHigh: high, isOpen: false };
  const made = { createdAt: unit.now, createdBy: one };
  await insertChat(unit, { id, title: directTitle, ...direct, ...made });
  return id;
}

/**
 * Changes the title of a chat: any member may, unless its owners keep that to themselves.
 *
 * @throws Refusal `no_chat`, `not_member`, `direct_chat`, `not_owner`
 */
export async function renameChat(
  unit: Unit,
  { chatId, userId, title }: { chatId: number; userId: number; title: string },
): Promise<void> {
  const { role } = await authorise(unit, { chatId, userId });
  const chat = await findChat(unit, { id: chatId });
  if (chat?.directLow !== null) throw new Refusal('direct_chat');
  if (chat.ownersRename && role !== 'owner') throw new Refusal('not_owner');
  await updateTitle(unit, { id: chatId, title });
  await append(unit, { type: 'chat', chatId, userId });
}

/**
 * Chooses who may rename a chat, and who may invite and add people; owners only. The invites of
 * plain members hold again once they may invite again.
 *
 * @param change only what is given changes.
 * @throws Refusal `no_chat`, `not_member`, `direct_chat`, `not_owner`
 */
export async function setPermissions(
  unit: Unit,
  { chatId, userId, change }: Key & { change: Partial<Permissions> },
): Promise<void> {
  const { role } = await authorise(unit, { chatId, userId });
  const chat = await findChat(unit, { id: chatId });
  if (chat?.directLow !== null) throw new Refusal('direct_chat');
  if (role !== 'owner') throw new Refusal('not_owner');
  const { ownersRename, ownersInvite } = chat;
  await updatePermissions(unit, { id: chatId, ownersRename, ownersInvite, ...change });
  await append(unit, { type: 'chat', chatId, userId });
}
