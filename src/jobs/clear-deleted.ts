/**
 * Deleting large items. One short unit of work makes the deletion final: from then on the chat, the
 * message or the account is no longer found. Its remaining rows are deleted in portions, between
 * which others write. The rest is recorded in the database, so that it continues after a restart.
 */

import { clearAccount } from '../accounts/clear-account.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { clearChat, clearMessage } from '../deletions/chat.ts';
import { type Clear, clearPortion } from '../deletions/pending.ts';
import { findPending } from '../deletions/queries.ts';

const clearers = { account: clearAccount, chat: clearChat, message: clearMessage } satisfies Record<
  string,
  Clear
>;

/**
 * Deletes a portion of the remaining rows.
 *
 * @returns whether there may be more.
 */
export async function clearDeleted(unit: Unit): Promise<boolean> {
  const pending = await findPending(unit, {});
  if (pending === undefined) return false;
  await clearPortion(unit, pending, clearers[pending.kind]);
  return true;
}
