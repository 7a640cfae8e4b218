/** Quotas: how much one user may store, so that nobody takes all the space. */

import type { Snapshot } from '../db/query/query.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { Refusal } from '../errors.ts';
import { findUserById } from '../users/queries.ts';

/** The maximum of each per user; Infinity where there is no limit. See docs/settings.md. */
export interface Quotas {
  /** Existing chats that they created, including direct ones. */
  readonly chats: number;
  /** Those of them that are in the directory. */
  readonly openChats: number;
  /** Chats that they joined by themselves: being added by others costs nothing. */
  readonly memberships: number;
  /** Valid invites. */
  readonly invites: number;
  /** Sessions; one more ends the least recently used one. */
  readonly sessions: number;
}

type QuotaCode = 'quota_chats' | 'quota_open_chats' | 'quota_memberships' | 'quota_invites';

/** Finds an object that exists only if the user has more than `skipped` of them. */
type FindNth = (nth: { userId: number; skipped: number }) => Promise<object | undefined>;

/**
 * Refuses one more object to a user who has reached the quota. Admins have no quotas.
 *
 * @param findNth uses an index, so that it reads no more rows than the quota.
 * @throws Refusal `code`
 */
export async function requireQuota(
  unit: Unit,
  code: QuotaCode,
  { userId, quota }: { userId: number; quota: number },
  findNth: FindNth,
): Promise<void> {
  if (quota === Number.POSITIVE_INFINITY) return;
  if ((await findNth({ userId, skipped: quota - 1 })) === undefined) return;
  await refuseUnlessAdmin(unit, { userId, code });
}

/**
 * Refuses everybody except admins, who can free space.
 *
 * @throws Refusal `code`
 */
export async function refuseUnlessAdmin(
  snapshot: Snapshot,
  { userId, code }: { userId: number; code: QuotaCode | 'quota_texts' | 'disk_low' },
): Promise<void> {
  if ((await findUserById(snapshot, { id: userId }))?.role !== 'admin') throw new Refusal(code);
}
