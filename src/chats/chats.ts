/** Creates and renames chats, opens direct chats and sets permissions. */
import type { Unit } from '../db/unit-of-work.ts';
import { Refusal } from '../errors.ts';
import { appendEvent } from '../event-log/log.ts';
import { authorise, join, type Key, requireMembershipQuota } from '../members/members.ts';
import { findChat, findMembership } from '../members/queries.ts';
import { type Quotas, requireQuota } from '../server/quotas.ts';
import { findUserByName } from '../users/queries.ts';
import { requireUser } from '../users/require-user.ts';
import {
  findDirectChat,
  findNthMade,
  findNthOpenMade,
  insertChat,
  updatePermissions,
  updateTitle,
} from './queries.ts';
import type { Permissions } from './wire.ts';

type ChatQuotas = Pick<Quotas, 'chats' | 'openChats' | 'memberships'>;

/** The title of a direct chat once the other person's account is gone. */
const directTitle = 'Direct chat';

/**
 * Creates a chat owned by its creator.
 *
 * @param isOpen whether the directory lists it, for anyone to join.
 * @returns the new chat's id.
 * @throws Refusal `signed_out` if the creator's account is gone; `quota_chats`, `quota_open_chats`,
 *   `quota_memberships`
 */
export async function createChat(
  unit: Unit,
  input: { userId: number; title: string; isOpen: boolean; quotas: ChatQuotas },
): Promise<number> {
  const { userId, title, isOpen, quotas } = input;
  await requireUser(unit, { userId });
  await requireMakable(unit, { userId, isOpen, quotas });
  await requireMembershipQuota(unit, { userId, quota: quotas.memberships });
  const id = await appendEvent(unit, { type: 'chat.created', userId });
  const direct = { directLow: null, directHigh: null };
  await insertChat(unit, { id, title, isOpen, ...direct, createdAt: unit.now, createdBy: userId });
  await join(unit, { chatId: id, userId, role: 'owner', bySelf: true });
  return id;
}

/**
 * Opens the direct chat of the caller and another user. The same pair always has the same chat, and
 * a user who had left it is a member again.
 *
 * @returns the chat's id.
 * @throws Refusal `signed_out`, `no_user`, `direct_self`, `quota_chats`, `quota_memberships`
 */
export async function openDirectChat(
  unit: Unit,
  { userId, nameKey, quotas }: { userId: number; nameKey: string; quotas: ChatQuotas },
): Promise<number> {
  await requireUser(unit, { userId });
  const other = await findUserByName(unit, { nameKey });
  if (other === undefined) throw new Refusal('no_user');
  if (other.id === userId) throw new Refusal('direct_self');
  const chatId = await requireDirectChat(unit, userId, other.id, quotas);
  for (const member of [userId, other.id]) {
    const key = { chatId, userId: member };
    if ((await findMembership(unit, key)) !== undefined) continue;
    const bySelf = member === userId;
    if (bySelf) await requireMembershipQuota(unit, { userId, quota: quotas.memberships });
    // Neither owns it, so neither can remove the other or delete the other's messages.
    await join(unit, { ...key, role: 'member', bySelf });
  }
  return chatId;
}

/** Throws `quota_chats` or `quota_open_chats` if a user has reached their quota. */
async function requireMakable(
  unit: Unit,
  { userId, isOpen, quotas }: { userId: number; isOpen: boolean; quotas: ChatQuotas },
): Promise<void> {
  const made = { userId, quota: quotas.chats };
  await requireQuota(unit, 'quota_chats', made, (nth) => findNthMade(unit, nth));
  if (!isOpen) return;
  const open = { userId, quota: quotas.openChats };
  await requireQuota(unit, 'quota_open_chats', open, (nth) => findNthOpenMade(unit, nth));
}

async function requireDirectChat(
  unit: Unit,
  one: number,
  other: number,
  quotas: ChatQuotas,
): Promise<number> {
  const low = Math.min(one, other);
  const high = Math.max(one, other);
  const found = await findDirectChat(unit, { low, high });
  if (found !== undefined) return found.id;
  await requireMakable(unit, { userId: one, isOpen: false, quotas });
  const id = await appendEvent(unit, { type: 'chat.created', userId: one });
  const direct = { directLow: low, directHigh: high, isOpen: false };
  const made = { createdAt: unit.now, createdBy: one };
  await insertChat(unit, { id, title: directTitle, ...direct, ...made });
  return id;
}

/**
 * Changes the title of a chat. Any member may, unless only its owners are allowed to.
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
  await appendEvent(unit, { type: 'chat', chatId, userId });
}

/**
 * Sets who may rename a chat, and who may invite and add people; owners only. The invites of plain
 * members become valid again once members may invite again.
 *
 * @param change fields that are absent stay as they are.
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
  await appendEvent(unit, { type: 'chat', chatId, userId });
}
