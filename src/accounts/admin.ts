/** An admin's rights over other people's accounts. Their chats are not among them. */

import type { Snapshot } from '../db/query/query.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { Refusal } from '../errors.ts';
import { appendEvent } from '../event-log/log.ts';
import { deleteInvitesOf } from '../invites/queries.ts';
import { endSessions } from '../sessions/sessions.ts';
import { findUserById, listUsers, updateDisabled } from '../users/queries.ts';

/**
 * The users of this server, in the order of registration.
 *
 * @param after the id of the last user of the previous page; 0 for the first page.
 * @throws Refusal `signed_out`, `not_admin`
 */
export async function readUsers(
  snapshot: Snapshot,
  { userId, after, limit }: { userId: number; after: number; limit: number },
) {
  await requireAdmin(snapshot, { userId });
  return listUsers(snapshot, { after, limit });
}

/**
 * Disables an account, which ends its sessions and invites, or re-enables it. Chats and messages
 * stay.
 *
 * @throws Refusal `signed_out`, `not_admin`, `no_user`, `own_account`
 */
export async function setDisabled(
  unit: Unit,
  { userId, id, isDisabled }: { userId: number; id: number; isDisabled: boolean },
): Promise<void> {
  await requireAdmin(unit, { userId });
  if ((await findUserById(unit, { id })) === undefined) throw new Refusal('no_user');
  if (id === userId) throw new Refusal('own_account');
  await updateAccountState(unit, { id, isDisabled });
}

/** Disables or re-enables an account without checking a right; people in shared chats see that. */
export async function updateAccountState(
  unit: Unit,
  { id, isDisabled }: { id: number; isDisabled: boolean },
): Promise<void> {
  await updateDisabled(unit, { id, disabledAt: isDisabled ? unit.now : null });
  await appendEvent(unit, { type: 'user', userId: id });
  if (!isDisabled) return;
  await endSessions(unit, { userId: id });
  await deleteInvitesOf(unit, { userId: id });
}

async function requireAdmin(snapshot: Snapshot, { userId }: { userId: number }): Promise<void> {
  const user = await findUserById(snapshot, { id: userId });
  if (user === undefined) throw new Refusal('signed_out');
  if (user.role !== 'admin') throw new Refusal('not_admin');
}
