/**
 * Deleting what is large. One short unit of work makes it final: from then on nobody finds the chat,
 * the message or the account. The rest of its rows goes in portions, between which others write; what
 * is left is noted in the database, so that it goes on after a restart.
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
 * Clears away a portion of what was deleted.
 *
 * @returns whether there may be more.
 */
export async function clearDeleted(unit: Unit): Promise<boolean> {
  const pending = await findPending(unit, {});
  if (pending === undefined) return false;
  await clearPortion(unit, pending, clearers[pending.kind]);
  return true;
}
