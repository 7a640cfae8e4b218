/** Membership: the members of a chat, its owners, and their rights. See docs/rights.md. */

import type { Snapshot } from '../db/query/query.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { clearChat } from '../deletions/chat.ts';
import { clearSoon } from '../deletions/pending.ts';
import { markChatDeleted } from '../deletions/queries.ts';
import { Refusal } from '../errors.ts';
import { appendEvent } from '../event-log/log.ts';
import { requireQuota } from '../server/quotas.ts';
import { findUserByName } from '../users/queries.ts';
import {
  changeMemberCount,
  deleteMembership,
  deleteRemoval,
  findChat,
  findLongestStanding,
  findMembership,
  findNthOwn,
  findOtherOwner,
  findPartner,
  findRemoval,
  insertMembership,
  insertRemoval,
  listMembers,
  updateNotify,
  updateRole,
} from './queries.ts';

/** A user in a chat. */
export interface Key {
  readonly chatId: number;
  readonly userId: number;
}

export type Role = 'owner' | 'member';

export type Notify = 'all' | 'mentions' | 'nothing';

/**
 * The caller's membership of a chat, on which every right in it depends.
 *
 * @throws Refusal `no_chat` if there is no such chat, `not_member` if the caller is not in it.
 */
export async function authorise(snapshot: Snapshot, key: Key) {
  const membership = await findMembership(snapshot, key);
  if (membership !== undefined) return membership;
  await requireChat(snapshot, key);
  throw new Refusal('not_member');
}

/** The same for actions of owners; throws `not_owner` as well. */
export async function authoriseOwner(snapshot: Snapshot, key: Key) {
  const membership = await authorise(snapshot, key);
  if (membership.role !== 'owner') throw new Refusal('not_owner');
  return membership;
}

/**
 * A page of the members of one of the caller's chats. Throws as `authorise` does.
 *
 * @param after the event by which the last member of the previous page joined; 0 for the first
 * page.
 * @param limit the most members.
 * @returns the members, and the `after` of the next page, or undefined if there is none.
 */
export async function readMembers(
  snapshot: Snapshot,
  { after, limit, ...key }: Key & { after: number; limit: number },
) {
  await authorise(snapshot, key);
  const found = await listMembers(snapshot, { ...key, after, limit: limit + 1 });
  const members = found.slice(0, limit);
  return { members, next: found.length > limit ? members.at(-1)?.joinedEvent : undefined };
}

/**
 * Adds a user to a chat. Any member may add others, unless only owners may, and anybody may join an
 * open chat. A removed user returns only if an owner adds them.
 *
 * @returns the id of the user who was added.
 * @throws Refusal `no_chat`, `not_member`, `no_user`, `direct_chat`, `not_owner`, `already_member`,
 * `removed`, `user_removed`; `quota_memberships` if the caller joins by themselves
 */
export async function addMember(
  unit: Unit,
  { chatId, userId, nameKey, quota }: Key & { nameKey: string; quota: number },
): Promise<number> {
  const chat = await requireChat(unit, { chatId });
  const added = await findUserByName(unit, { nameKey });
  const isJoining = chat.isOpen && added?.id === userId;
  const adder = isJoining ? undefined : await authorise(unit, { chatId, userId });
  if (added === undefined) throw new Refusal('no_user');
  if (chat.directLow !== null) throw new Refusal('direct_chat');
  if (adder !== undefined) requireInviter(chat, adder);
  const key = { chatId, userId: added.id };
  if ((await findMembership(unit, key)) !== undefined) throw new Refusal('already_member');
  if (adder?.role === 'owner') await deleteRemoval(unit, key);
  else await refuseRemoved(unit, key, isJoining ? 'removed' : 'user_removed');
  if (isJoining) await requireMembershipQuota(unit, { userId, quota });
  await join(unit, { ...key, role: 'member', bySelf: isJoining });
  return added.id;
}

/** Throws `not_owner` if only owners may add people to the chat, and this member is not one. */
export function requireInviter(
  { ownersInvite }: { ownersInvite: boolean },
  { role }: { role: Role },
): void {
  if (ownersInvite && role !== 'owner') throw new Refusal('not_owner');
}

/** Throws the refusal if an owner has removed this user from the chat. */
export async function refuseRemoved(
  snapshot: Snapshot,
  key: Key,
  code: 'removed' | 'user_removed',
): Promise<void> {
  if ((await findRemoval(snapshot, key)) !== undefined) throw new Refusal(code);
}

/** Throws `quota_memberships` if a user has joined as many chats by themselves as they may. */
export async function requireMembershipQuota(
  unit: Unit,
  of: { userId: number; quota: number },
): Promise<void> {
  await requireQuota(unit, 'quota_memberships', of, (nth) => findNthOwn(unit, nth));
}

/** Makes a user a member who has read everything so far; the caller checks the right to do so. */
export async function join(
  unit: Unit,
  { chatId, userId, role, bySelf }: Key & { role: Role; bySelf: boolean },
): Promise<void> {
  const chat = await requireChat(unit, { chatId });
  const joinedEvent = await appendEvent(unit, { type: 'member.joined', chatId, userId });
  await insertMembership(unit, {
    chatId,
    userId,
    role,
    joinedAt: unit.now,
    joinedEvent,
    bySelf,
    readId: chat.lastMessageId ?? 0,
    seen: chat.posted,
  });
  await changeMemberCount(unit, { chatId, by: 1 });
}

/**
 * Makes sure that a message in a direct chat has a reader: if the other user has left, they join
 * again. In other chats it does nothing.
 *
 * @throws Refusal `nobody_there` if the other account is deleted or disabled.
 */
export async function bringPartnerBack(unit: Unit, key: Key): Promise<void> {
  const partner = await findPartner(unit, key);
  if (partner === undefined) return;
  const { id, disabledAt, joinedAt } = partner;
  if (id === null || disabledAt !== null) throw new Refusal('nobody_there');
  if (joinedAt !== null) return;
  await join(unit, { chatId: key.chatId, userId: id, role: 'member', bySelf: false });
}

/**
 * Changes the role of a member; owners only.
 *
 * @throws Refusal `no_chat`, `not_member`, `direct_chat`, `not_owner`, `no_member`, `last_owner`
 */
export async function changeRole(
  unit: Unit,
  { chatId, userId, memberId, role }: Key & { memberId: number; role: Role },
): Promise<void> {
  await authorise(unit, { chatId, userId });
  const chat = await requireChat(unit, { chatId });
  if (chat.directLow !== null) throw new Refusal('direct_chat');
  await authoriseOwner(unit, { chatId, userId });
  const key = { chatId, userId: memberId };
  const member = await findMembership(unit, key);
  if (member === undefined) throw new Refusal('no_member');
  if (member.role === role) return;
  if (role === 'member' && (await findOtherOwner(unit, key)) === undefined) {
    throw new Refusal('last_owner');
  }
  await updateRole(unit, { ...key, role });
  await appendEvent(unit, { type: 'member.changed', ...key });
}

/**
 * Removes another member from a chat (owners only); removing oneself is leaving. Removed users
 * return only if an owner adds them again.
 *
 * @throws Refusal `no_chat`, `not_member`, `not_owner`, `no_member`
 */
export async function removeMember(
  unit: Unit,
  { chatId, userId, memberId }: Key & { memberId: number },
): Promise<void> {
  if (memberId === userId) return leaveChat(unit, { chatId, userId });
  await authoriseOwner(unit, { chatId, userId });
  const key = { chatId, userId: memberId };
  if ((await findMembership(unit, key)) === undefined) throw new Refusal('no_member');
  await insertRemoval(unit, key);
  await endMembership(unit, key);
}

/**
 * Ends the caller's membership. If the last owner leaves, the longest-standing member becomes
 * owner; a chat without members is deleted with its messages.
 *
 * @throws Refusal `no_chat`, `not_member`
 */
export async function leaveChat(unit: Unit, key: Key): Promise<void> {
  const { role } = await authorise(unit, key);
  await endMembership(unit, key);
  await handOver(unit, { ...key, role });
}

/** Deletes a chat without members, or finds a new owner for one without owners. */
export async function handOver(unit: Unit, { role, ...key }: Key & { role: Role }): Promise<void> {
  const successor = await findLongestStanding(unit, key);
  if (successor === undefined) {
    const { chatId: id } = key;
    await markChatDeleted(unit, { id, now: unit.now });
    await appendEvent(unit, { type: 'chat.deleted', ...key });
    await clearSoon(unit, 'chat', { id, chatId: 0 }, clearChat);
  } else if (role === 'owner' && (await findOtherOwner(unit, key)) === undefined) {
    await updateRole(unit, { chatId: key.chatId, userId: successor.userId, role: 'owner' });
    await appendEvent(unit, {
      type: 'member.changed',
      chatId: key.chatId,
      userId: successor.userId,
    });
  }
}

/** Sets the caller's notification level for a chat. Throws as `authorise` does. */
export async function setNotify(
  unit: Unit,
  { notify, ...key }: Key & { notify: Notify },
): Promise<void> {
  await authorise(unit, key);
  await updateNotify(unit, { ...key, notify });
  await appendEvent(unit, { type: 'notify', ...key });
}

/** Ends a membership; the caller must then call `handOver`. */
export async function endMembership(unit: Unit, key: Key): Promise<void> {
  await deleteMembership(unit, key);
  await changeMemberCount(unit, { chatId: key.chatId, by: -1 });
  await appendEvent(unit, { type: 'member.left', ...key });
}

async function requireChat(snapshot: Snapshot, { chatId }: { chatId: number }) {
  const chat = await findChat(snapshot, { id: chatId });
  if (chat === undefined) throw new Refusal('no_chat');
  return chat;
}
