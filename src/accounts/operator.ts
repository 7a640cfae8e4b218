/**
 * The operator's commands on accounts. No right is checked: access to the file gives every right.
 * Each command appends an event, so that the audit log of a running server has it.
 */

import type { Unit } from '../db/unit-of-work.ts';
import { Refusal } from '../errors.ts';
import { appendEvent } from '../event-log/log.ts';
import { createInvite } from '../invites/invites.ts';
import { findChat, findFirstOwner } from '../members/queries.ts';
import { endSessions } from '../sessions/sessions.ts';
import { findUserById, updatePasswordHash, updateServerRole } from '../users/queries.ts';
import { eraseAccount, makeAccount } from './accounts.ts';
import { updateAccountState } from './admin.ts';

/**
 * Adds a user, whatever the registration mode.
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

/** Disables an account, as an admin could, or re-enables it. Throws `no_user`. */
export async function setDisabledByOperator(
  unit: Unit,
  { id, isDisabled }: { id: number; isDisabled: boolean },
): Promise<void> {
  await requireAccount(unit, id);
  await updateAccountState(unit, { id, isDisabled });
  await appendEvent(unit, { type: isDisabled ? 'user.disabled' : 'user.enabled', userId: id });
}

/** Sets a new password for an account and ends all its sessions. Throws `no_user`. */
export async function resetPassword(
  unit: Unit,
  { id, passwordHash }: { id: number; passwordHash: string },
): Promise<void> {
  await requireAccount(unit, id);
  await updatePasswordHash(unit, { id, passwordHash });
  await endSessions(unit, { userId: id });
  await appendEvent(unit, { type: 'user.password_reset', userId: id });
}

/** Makes a user an admin of the server, or takes the role away. Throws `no_user`. */
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
 * Creates an invite in the name of the chat's longest-standing owner, under whom it is listed and
 * with whom it ends.
 *
 * @throws Refusal `no_chat`; `direct_chat`, which has no owner.
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
