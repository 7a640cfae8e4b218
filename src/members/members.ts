/** Membership: who belongs to a chat, who owns it, and what that allows. */
import { deleteChat, findChat } from '../chats/queries.ts';
import type { Unit } from '../db/commit.ts';
import type { Snapshot } from '../db/query.ts';
import { Refusal } from '../errors.ts';
import { append } from '../events/log.ts';
import { findUserByName } from '../users/queries.ts';
import {
  deleteMembership,
  findLongestStanding,
  findMembership,
  findOwner,
  insertMembership,
  listMembers,
  updateRole,
} from './queries.ts';

interface Key {
  readonly chatId: number;
  readonly userId: number;
}

type Role = 'owner' | 'member';

/**
 * The caller's role in a chat: what every right in it depends on.
 *
 * @throws Refusal `no_chat` if there is no such chat, `not_member` if it is not the caller's.
 */
export async function authorise(snapshot: Snapshot, key: Key): Promise<Role> {
  const membership = await findMembership(snapshot, key);
  if (membership !== undefined) return membership.role;
  const chat = await findChat(snapshot, { id: key.chatId });
  throw new Refusal(chat === undefined ? 'no_chat' : 'not_member');
}

/** The members of one of the caller's chats. Throws as `authorise` does. */
export async function readMembers(snapshot: Snapshot, key: Key) {
  await authorise(snapshot, key);
  return listMembers(snapshot, key);
}

/**
 * Adds a user to one of the caller's chats; any member may.
 *
 * @returns the id of the user who was added.
 * @throws Refusal `no_chat`, `not_member`, `no_user`, `already_member`
 */
export async function addMember(
  unit: Unit,
  { chatId, userId, nameKey }: Key & { nameKey: string },
): Promise<number> {
  await authorise(unit, { chatId, userId });
  const added = await findUserByName(unit, { nameKey });
  if (added === undefined) throw new Refusal('no_user');
  const key = { chatId, userId: added.id };
  if ((await findMembership(unit, key)) !== undefined) throw new Refusal('already_member');
  await join(unit, { ...key, role: 'member' });
  return added.id;
}

/** Makes a user a member; whether that is right is the caller's to know. */
export async function join(unit: Unit, member: Key & { role: Role }): Promise<void> {
  await insertMembership(unit, { ...member, joinedAt: unit.now });
  await append(unit, { type: 'member.joined', chatId: member.chatId, userId: member.userId });
}

/**
 * Ends a membership. The longest-standing member takes over from a last owner, and a chat that
 * nobody is left in is deleted with its messages.
 *
 * @throws Refusal `no_chat`, `not_member`
 */
export async function leaveChat(unit: Unit, key: Key): Promise<void> {
  await authorise(unit, key);
  await deleteMembership(unit, key);
  await append(unit, { type: 'member.left', ...key });
  const heir = await findLongestStanding(unit, key);
  if (heir === undefined) {
    await deleteChat(unit, { id: key.chatId });
    await append(unit, { type: 'chat.deleted', chatId: key.chatId });
  } else if ((await findOwner(unit, key)) === undefined) {
    await updateRole(unit, { chatId: key.chatId, userId: heir.userId, role: 'owner' });
    await append(unit, { type: 'member.changed', chatId: key.chatId, userId: heir.userId });
  }
}
