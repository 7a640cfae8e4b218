/**
 * What the person who runs the server does by command. No right is checked: who has the file has all
 * of them. Each leaves an event, so that the audit log of a running server has it.
 */

import type { Unit } from '../db/unit-of-work.ts';
import { Refusal } from '../errors.ts';
import { appendEvent } from '../event-log/log.ts';
import { createInvite } from '../invites/invites.ts';
import { findChat, findFirstOwner } from '../members/queries.ts';
import { endSessions } from '../sessions/sessions.ts';
import { findUserById, updatePasswordHash, updateServerRole } from '../users/queries.ts';
import { eraseAccount, makeAccount } from './accounts.ts';
import { shutAccount } from './admin.ts';

/**
 * Adds a user, however the server takes new ones.
 *
 * @returns the new user's id.
 * @throws Refusal as `makeAccount`.
 */
export async function addUser(
  unit: Unit,
  input: { name: string; email: string; passwordHash: string; isAdmin: boolean },
): Promise<number> {
  const userId = await makeAccount(unit, input);
  await appendEvent(unit, { type: 'user.added', userId });
  return userId;
}

/** Shuts an account, as an admin could, or opens it again. Throws `no_user`. */
export async function setShut(
  unit: Unit,
  { id, isDisabled }: { id: number; isDisabled: boolean },
): Promise<void> {
  await requireAccount(unit, id);
  await shutAccount(unit, { id, isDisabled });
  await appendEvent(unit, { type: isDisabled ? 'user.disabled' : 'user.enabled', userId: id });
}

/** Gives an account another password and ends all its sessions. Throws `no_user`. */
export async function resetPassword(
  unit: Unit,
  { id, passwordHash }: { id: number; passwordHash: string },
): Promise<void> {
  await requireAccount(unit, id);
  await updatePasswordHash(unit, { id, passwordHash });
  await endSessions(unit, { userId: id });
  await appendEvent(unit, { type: 'user.password_reset', userId: id });
}

/** Makes a user an admin of the server, or no longer. Throws `no_user`. */
export async function setAdmin(
  unit: Unit,
  { id, isAdmin }: { id: number; isAdmin: boolean },
): Promise<void> {
  await requireAccount(unit, id);
  await updateServerRole(unit, { id, role: isAdmin ? 'admin' : 'user' });
  await appendEvent(unit, { type: isAdmin ? 'user.made_admin' : 'user.made_plain', userId: id });
}

/** Deletes an account, as its owner could. Throws `no_user`. */
export async function deleteAccount(
  unit: Unit,
  { id, nameHold }: { id: number; nameHold: number },
): Promise<void> {
  await requireAccount(unit, id);
  await eraseAccount(unit, { id, nameHold });
  await appendEvent(unit, { type: 'user.deleted', userId: id });
}

/**
 * Makes an invite in the name of the chat's longest-standing owner, as whose it is listed and ends.
 *
 * @throws Refusal `no_chat`; `direct_chat`, which nobody owns.
 */
export async function inviteTo(
  unit: Unit,
  { chatId, ...invite }: { chatId: number; code: string; lifetime: number; maxUses: number | null },
): Promise<void> {
  const owner = await findFirstOwner(unit, { chatId });
  if (owner === undefined) {
    const isThere = (await findChat(unit, { id: chatId })) !== undefined;
    throw new Refusal(isThere ? 'direct_chat' : 'no_chat');
  }
  const maker = { userId: owner.userId, quota: Number.POSITIVE_INFINITY };
  await createInvite(unit, { ...invite, ...maker, chatId });
  await appendEvent(unit, { type: 'invite.made', chatId, userId: owner.userId });
}

async function requireAccount(unit: Unit, id: number): Promise<void> {
  if ((await findUserById(unit, { id })) === undefined) throw new Refusal('no_user');
}
