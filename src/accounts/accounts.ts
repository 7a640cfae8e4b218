/** Accounts: registration, profile changes and deletion. */

import type { Snapshot } from '../db/query/query.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { clearSoon } from '../deletions/pending.ts';
import { Refusal } from '../errors.ts';
import { appendEvent } from '../event-log/log.ts';
import { acceptInvite, readInvite } from '../invites/invites.ts';
import { findSharedChat } from '../members/queries.ts';
import { checkSetupProof, finishSetup, isSetUp, type SetupProof } from '../server/setup.ts';
import {
  endSessions,
  type NewSession,
  noteProof,
  requireRecentProof,
  type Session,
  startSession,
} from '../sessions/sessions.ts';
import { canonicalEmail, canonicalName } from '../users/canonical.ts';
import { checkName } from '../users/naming.ts';
import {
  deleteUserRow,
  findUserByEmail,
  findUserById,
  findUserByName,
  insertUser,
  updatePasswordHash,
  updateUser,
} from '../users/queries.ts';
import { holdName, refuseLookAlike, releaseName } from '../users/taken-names.ts';
import { clearAccount } from './clear-account.ts';

/** The registration mode: who may register. */
export type RegistrationMode = 'open' | 'invite' | 'closed';

/** A registration: the server's requirements and the user's credentials for it. */
interface Entry {
  readonly mode: RegistrationMode;
  readonly invite?: string;
  /** The proof that the first account of a server needs. */
  readonly setup: SetupProof;
}

/** The caller's proof that the account is theirs, where a session is not enough. */
interface Proof {
  readonly session: Session;
  /**
   * The hash that the current password was checked against, outside the unit of work. Without it,
   * the password must have been given in this session in the last 10 min.
   */
  readonly verifiedHash?: string;
}

/** The people who see other users' e-mail addresses; `members` are those of a shared chat. */
export type EmailAudience = 'everybody' | 'members' | 'admins';

interface Profile {
  readonly name: string;
  readonly email: string;
}

/**
 * Registers a user and signs them in; with an invite, they also join its chat.
 *
 * @returns the new user's id, and that of the invite's chat.
 * @throws Refusal `registration_closed`, `setup_needed`, `invite_needed`, `no_invite`,
 * `email_taken`, and for the name what `claim` throws.
 */
export async function registerUser(
  unit: Unit,
  input: Profile & Entry & { passwordHash: string; session: NewSession },
): Promise<{ id: number; chatId?: number }> {
  await checkEntry(unit, { ...input, now: unit.now });
  const id = await makeAccount(unit, { ...input, isAdmin: false });
  await startSession(unit, { ...input.session, userId: id });
  if (input.invite === undefined) return { id };
  // A new user has used none of their quotas.
  const joining = { code: input.invite, userId: id, quota: Number.POSITIVE_INFINITY };
  return { id, chatId: await acceptInvite(unit, joining) };
}

/**
 * Creates an account without checking a right. The first user of a server is always an admin.
 *
 * @returns the new user's id.
 * @throws Refusal `email_taken`, and for the name what `claim` throws.
 */
export async function makeAccount(
  unit: Unit,
  { name, email, passwordHash, isAdmin }: Profile & { passwordHash: string; isAdmin: boolean },
): Promise<number> {
  const isFirst = !(await isSetUp(unit, {}));
  const profile = await claim(unit, { name, email });
  const role = isFirst || isAdmin ? 'admin' : 'user';
  const { id } = await insertUser(unit, { ...profile, passwordHash, role, createdAt: unit.now });
  await holdName(unit, { id, name });
  if (isFirst) await finishSetup(unit);
  return id;
}

/**
 * Refuses a registration that the server's mode does not allow.
 *
 * @throws Refusal `registration_closed`, `setup_needed`, `invite_needed`, `no_invite`
 */
export async function checkEntry(
  snapshot: Snapshot,
  { mode, invite, setup, now }: Entry & { now: number },
): Promise<void> {
  if (mode === 'closed') throw new Refusal('registration_closed');
  // The first user cannot have an invite: nobody exists to make one.
  if (!(await isSetUp(snapshot, {}))) return checkSetupProof(snapshot, setup);
  if (invite !== undefined) await readInvite(snapshot, { code: invite, now });
  else if (mode === 'invite') throw new Refusal('invite_needed');
}

/**
 * Looks a user up by id or by name.
 *
 * @param userId the caller.
 * @param emails who sees the e-mail address; for others it is empty.
 * @throws Refusal `no_user`
 */
export async function readUser(
  snapshot: Snapshot,
  input: { by: { id: number } | { name: string }; userId: number; emails: EmailAudience },
): Promise<Profile> {
  const { by, userId, emails } = input;
  const user = await ('id' in by
    ? findUserById(snapshot, by)
    : findUserByName(snapshot, { nameKey: canonicalName(by.name) }));
  if (user === undefined) throw new Refusal('no_user');
  const isShown = await maySeeEmail(snapshot, { userId, ofId: user.id, emails });
  return { name: user.name, email: isShown ? user.email : '' };
}

/** Users always see their own address, and admins everybody's. */
async function maySeeEmail(
  snapshot: Snapshot,
  { userId, ofId, emails }: { userId: number; ofId: number; emails: EmailAudience },
): Promise<boolean> {
  if (emails === 'everybody' || userId === ofId) return true;
  const shared = { one: userId, other: ofId };
  if (emails === 'members' && (await findSharedChat(snapshot, shared)) !== undefined) return true;
  return (await findUserById(snapshot, { id: userId }))?.role === 'admin';
}

/**
 * Changes the caller's own name, e-mail address, or both. A new e-mail address needs a proof.
 *
 * @param id the account to change.
 * @param nameHold how long nobody else gets a name that is given up, in ms.
 * @throws Refusal `no_user`, `other_user`, `password_needed`, `wrong_current_password`,
 * `email_taken`, and for the name what `claim` throws.
 */
export async function changeUser(
  unit: Unit,
  input: { id: number; nameHold: number } & Proof & Partial<Profile>,
): Promise<void> {
  const { id, nameHold, session, verifiedHash, ...change } = input;
  const user = await requireOwnAccount(unit, { id, userId: session.userId });
  const isSameEmail = canonicalEmail(change.email ?? user.email) === user.emailKey;
  if (!isSameEmail || verifiedHash !== undefined) await requireProof(unit, user, input);
  const profile = await claim(unit, { name: user.name, email: user.email, ...change }, user);
  await updateUser(unit, { id, ...profile });
  if (profile.name !== user.name) {
    await releaseName(unit, { id, nameHold });
    await holdName(unit, { id, name: profile.name });
    await appendEvent(unit, { type: 'user', userId: id });
  }
}

/**
 * Changes the caller's own password and ends all their other sessions.
 *
 * @throws Refusal `no_user`, `other_user`, `wrong_current_password`
 */
export async function changePassword(
  unit: Unit,
  input: { id: number; passwordHash: string } & Required<Proof>,
): Promise<void> {
  const { id, session, passwordHash } = input;
  const user = await requireOwnAccount(unit, { id, userId: session.userId });
  await requireProof(unit, user, input);
  await updatePasswordHash(unit, { id, passwordHash });
  await endSessions(unit, { userId: id, except: session.id });
}

/**
 * Deletes the caller's own account; needs a proof.
 *
 * @param id the account to delete.
 * @throws Refusal `no_user`, `other_user`, `password_needed`, `wrong_current_password`
 */
export async function deleteUser(
  unit: Unit,
  { id, nameHold, ...proof }: { id: number; nameHold: number } & Proof,
): Promise<void> {
  const user = await requireOwnAccount(unit, { id, userId: proof.session.userId });
  await requireProof(unit, user, proof);
  await eraseAccount(unit, { id, nameHold });
}

/** @throws Refusal `password_needed`; `wrong_current_password` if it has changed meanwhile. */
async function requireProof(
  unit: Unit,
  { passwordHash }: { passwordHash: string },
  { session, verifiedHash }: Proof,
): Promise<void> {
  if (verifiedHash === undefined) return requireRecentProof(unit, session);
  if (passwordHash !== verifiedHash) throw new Refusal('wrong_current_password');
  await noteProof(unit, session);
}

/**
 * Erases an account: its sessions end, it leaves its chats, and its name and e-mail address are
 * erased and can be used again, the name after `nameHold` ms. Its messages stay, under an id that
 * belongs to nobody.
 */
export async function eraseAccount(
  unit: Unit,
  { id, nameHold }: { id: number; nameHold: number },
): Promise<void> {
  await endSessions(unit, { userId: id });
  await deleteUserRow(unit, { id });
  await releaseName(unit, { id, nameHold });
  await appendEvent(unit, { type: 'user', userId: id });
  await clearSoon(unit, 'account', { id, chatId: 0 }, clearAccount);
}

/**
 * Returns the account `id` if it is the caller's own.
 *
 * @throws Refusal `no_user`, `other_user`; `signed_out` if it was deleted in the meantime.
 */
export async function requireOwnAccount(
  snapshot: Snapshot,
  { id, userId }: { id: number; userId: number },
) {
  const user = await findUserById(snapshot, { id });
  if (user === undefined) throw new Refusal(id === userId ? 'signed_out' : 'no_user');
  if (id !== userId) throw new Refusal('other_user');
  return user;
}

/**
 * Checks that a profile may be used, and returns it as it is stored. A name that its user already
 * has stays valid.
 *
 * @param owner the account that it is for, before the change; undefined for a new one.
 * @throws Refusal `name_taken`, `name_confusable`, `email_taken`, and what `checkName` throws.
 */
async function claim(unit: Unit, { name, email }: Profile, owner?: { id: number; name: string }) {
  const nameKey = canonicalName(name);
  const emailKey = canonicalEmail(email);
  if (name !== owner?.name) {
    checkName(name);
    const named = await findUserByName(unit, { nameKey });
    if (named !== undefined && named.id !== owner?.id) throw new Refusal('name_taken');
    await refuseLookAlike(unit, { name, owner: owner?.id });
  }
  const mailed = await findUserByEmail(unit, { emailKey });
  if (mailed !== undefined && mailed.id !== owner?.id) throw new Refusal('email_taken');
  return { name, nameKey, email, emailKey };
}
