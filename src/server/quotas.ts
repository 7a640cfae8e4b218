/** How much one user may have of what is kept, so that nobody takes all the room for themselves. */

import type { Snapshot } from '../db/query/query.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { Refusal } from '../errors.ts';
import { findUserById } from '../users/queries.ts';

/** How many of each a user may have; Infinity where there is no limit. See docs/settings.md. */
export interface Quotas {
  /** Chats that they have made and that are still there, direct ones too. */
  readonly chats: number;
  /** Those of them that stand in the directory. */
  readonly openChats: number;
  /** Chats that they are in of their own accord: whom others add, that costs nothing. */
  readonly memberships: number;
  /** Invites that hold. */
  readonly invites: number;
  /** With one more, the session that was used longest ago ends. */
  readonly sessions: number;
}

type QuotaCode = 'quota_chats' | 'quota_open_chats' | 'quota_memberships' | 'quota_invites';

/** Finds what a user would not have if they had fewer than so many. */
type FindNth = (nth: { userId: number; skipped: number }) => Promise<object | undefined>;

/**
 * Refuses a user one more of something when they have as many as they may. Admins have no quotas.
 *
 * @param findNth by an index, so that it looks at no more than the quota.
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

/** Refuses what has no room left; an admin may go on, being who can make some. Throws `code`. */
export async function refuseUnlessAdmin(
  snapshot: Snapshot,
  { userId, code }: { userId: number; code: QuotaCode | 'quota_texts' | 'disk_low' },
): Promise<void> {
  if ((await findUserById(snapshot, { id: userId }))?.role !== 'admin') throw new Refusal(code);
}
