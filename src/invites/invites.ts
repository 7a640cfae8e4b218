/** Invites: a code with which people join a chat, and register where the server requires one. */
import { randomBytes } from 'node:crypto';
import { pageByTime } from '../db/query/paging.ts';
import type { Snapshot } from '../db/query/query.ts';
import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { Refusal } from '../errors.ts';
import {
  authorise,
  join,
  type Key,
  type Role,
  refuseRemoved,
  requireInviter,
  requireMembershipQuota,
} from '../members/members.ts';
import { findChat, findMembership } from '../members/queries.ts';
import { requireQuota } from '../server/quotas.ts';
import {
  deleteExpiredInvites,
  deleteInvite,
  findInvite,
  findInviteMaker,
  findNthInvite,
  findNthOfMaker,
  insertInvite,
  listInvites,
  useInvite,
} from './queries.ts';

const day = 24 * 3_600_000;

/** The default lifetime of an invite, in ms. */
export const defaultLifetime = 7 * day;

/** The maximum lifetime of an invite, in ms. */
export const longestLifetime = 365 * day;

/** The maximum for plain members; their invites also have this many uses by default. */
const memberLimits = { lifetime: 30 * day, uses: 100 };

/** 192 random bits, which cannot be guessed. */
export function newCode(): string {
  return randomBytes(24).toString('base64url');
}

/**
 * Creates an invite to one of the caller's chats. Any member may, unless only its owners are
 * allowed to. The invite ends with its creator's membership.
 *
 * @param code at least 128 random bits, generated outside this unit.
 * @param lifetime in ms, at most a year; for a plain member at most 30 days.
 * @param maxUses null for no limit; for a plain member at most 100, which is also what null means.
 * @throws Refusal `no_chat`, `not_member`, `direct_chat`, `not_owner`, `invite_too_long`,
 *   `invite_too_large`, `quota_invites`
 */
export async function createInvite(
  unit: Unit,
  input: Key & { code: string; lifetime: number; maxUses: number | null; quota: number },
): Promise<void> {
  const { chatId, userId, code, lifetime, maxUses, quota } = input;
  const member = await authorise(unit, { chatId, userId });
  const chat = await findChat(unit, { id: chatId });
  if (chat?.directLow !== null) throw new Refusal('direct_chat');
  requireInviter(chat, member);
  const usesLeft = boundUses(member.role, { lifetime, maxUses });
  await requireQuota(unit, 'quota_invites', { userId, quota }, (nth) =>
    findNthOfMaker(unit, { ...nth, now: unit.now }),
  );
  const expiresAt = unit.now + lifetime;
  const invite = { code, chatId, userId, createdAt: unit.now, expiresAt, usesLeft };
  await insertInvite(unit, invite);
}

/** The number of uses of a new invite. Throws if its creator's role does not allow it. */
function boundUses(
  role: Role,
  { lifetime, maxUses }: { lifetime: number; maxUses: number | null },
): number | null {
  if (lifetime > longestLifetime) throw new Refusal('invite_too_long');
  if (role === 'owner') return maxUses;
  const uses = maxUses ?? memberLimits.uses;
  if (lifetime > memberLimits.lifetime || uses > memberLimits.uses) {
    throw new Refusal('invite_too_large');
  }
  return uses;
}

/**
 * A page of the valid invites to a chat, newest first. An owner sees all of them; other members see
 * their own.
 *
 * @param before only invites created before this time, in ms since 1970.
 * @throws Refusal `no_chat`, `not_member`
 */
export async function readInvites(
  snapshot: Snapshot,
  { chatId, userId, now, ...page }: Key & { now: number; before: number; limit: number },
) {
  const { role } = await authorise(snapshot, { chatId, userId });
  const which = { chatId, makerId: role === 'owner' ? 0 : userId, now };
  return pageByTime(page, {
    timeOf: async (before, skipped) =>
      (await findNthInvite(snapshot, { ...which, before, skipped }))?.at,
    list: (from, before) => listInvites(snapshot, { ...which, from, before }),
  });
}

/**
 * Revokes an invite: the caller's own, or, for an owner, anybody's.
 *
 * @throws Refusal `no_chat`, `not_member`, `no_invite`, `other_invite`
 */
export async function revokeInvite(
  unit: Unit,
  { chatId, userId, code }: Key & { code: string },
): Promise<void> {
  const { role } = await authorise(unit, { chatId, userId });
  const invite = await findInviteMaker(unit, { code, chatId, now: unit.now });
  if (invite === undefined) throw new Refusal('no_invite');
  if (invite.userId !== userId && role !== 'owner') throw new Refusal('other_invite');
  await deleteInvite(unit, { code });
}

/**
 * Finds a valid invite and the chat that it leads to.
 *
 * @throws Refusal `no_invite` if it does not exist, has expired, was revoked or is used up.
 */
export async function readInvite(snapshot: Snapshot, { code, now }: { code: string; now: number }) {
  const invite = await findInvite(snapshot, { code, now });
  if (invite === undefined) throw new Refusal('no_invite');
  return invite;
}

/**
 * Joins the chat that an invite leads to. For a caller who is already a member, no use is counted.
 *
 * @returns the chat's id.
 * @throws Refusal `no_invite`; `removed` if an owner has removed the caller; `quota_memberships`
 */
export async function acceptInvite(
  unit: Unit,
  { code, userId, quota }: { code: string; userId: number; quota: number },
): Promise<number> {
  const { chatId, usesLeft } = await readInvite(unit, { code, now: unit.now });
  const key = { chatId, userId };
  if ((await findMembership(unit, key)) !== undefined) return chatId;
  await refuseRemoved(unit, key, 'removed');
  await requireMembershipQuota(unit, { userId, quota });
  if (usesLeft === 1) await deleteInvite(unit, { code });
  else if (usesLeft !== null) await useInvite(unit, { code });
  await join(unit, { ...key, role: 'member', bySelf: true });
  return chatId;
}

/** The number of invites that one step deletes. */
const step = 100;

/**
 * Deletes a portion of the expired invites.
 *
 * @returns whether more may be left.
 */
export async function clearExpiredInvites(unit: Unit): Promise<boolean> {
  const isDone = await inSteps(unit, step, async (limit) => {
    return (await deleteExpiredInvites(unit, { now: unit.now, limit })).length;
  });
  return !isDone;
}
