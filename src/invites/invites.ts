/** Invites: a code that lets whoever has it join a chat, and register where that takes one. */
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

/** How long an invite holds unless its maker says otherwise, in ms. */
export const defaultLifetime = 7 * day;

/** No invite holds longer than a year, in ms. */
export const longestLifetime = 365 * day;

/** What a member who is not an owner can make; the uses are also what they get without a number. */
const ofMembers = { lifetime: 30 * day, uses: 100 };

/** 192 random bits: nobody guesses one. */
export function newCode(): string {
  return randomBytes(24).toString('base64url');
}

/**
 * Makes an invite to one of the caller's chats: any member may, unless its owners keep that to
 * themselves. It ends with its maker's membership.
 *
 * @param code at least 128 random bits, made outside this unit.
 * @param lifetime in ms, at most a year; for a plain member at most 30 days.
 * @param maxUses null for no limit; for a plain member at most 100, which null means for them.
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

/** How often an invite may be used; throws what its maker may not make. */
function boundUses(
  role: Role,
  { lifetime, maxUses }: { lifetime: number; maxUses: number | null },
): number | null {
  if (lifetime > longestLifetime) throw new Refusal('invite_too_long');
  if (role === 'owner') return maxUses;
  const uses = maxUses ?? ofMembers.uses;
  if (lifetime > ofMembers.lifetime || uses > ofMembers.uses) {
    throw new Refusal('invite_too_large');
  }
  return uses;
}

/**
 * A page of the invites of a chat that hold, the newest first: an owner sees those of all, others see
 * those that they made.
 *
 * @param before only those that were made before this time, in ms since 1970.
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
 * Revokes an invite: one's own, or as an owner anybody's.
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
 * Where an invite leads.
 *
 * @throws Refusal `no_invite` if it does not exist, has expired, was revoked or is used up.
 */
export async function readInvite(snapshot: Snapshot, { code, now }: { code: string; now: number }) {
  const invite = await findInvite(snapshot, { code, now });
  if (invite === undefined) throw new Refusal('no_invite');
  return invite;
}

/**
 * Joins the chat that an invite leads to. A member already has joined: that uses nothing up.
 *
 * @returns the chat's id.
 * @throws Refusal `no_invite`; `removed` for whom an owner has removed; `quota_memberships`
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

/** How many invites are cleared away in one step. */
const step = 100;

/**
 * Clears away the invites that have run out.
 *
 * @returns whether there may be more.
 */
export async function clearExpiredInvites(unit: Unit): Promise<boolean> {
  const isDone = await inSteps(unit, step, async (limit) => {
    return (await deleteExpiredInvites(unit, { now: unit.now, limit })).length;
  });
  return !isDone;
}
