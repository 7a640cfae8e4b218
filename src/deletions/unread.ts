/**
 * A deleted message is unread for nobody, but raising `seen` of thousands of members takes long, so
 * it is done in portions. For members who have not been updated yet, the pending deletion itself
 * counts: their `seen` is the stored value plus one for each such message after their read mark.
 */

import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import type { Pending } from './pending.ts';
import { findSomeMembers, raiseSeen, updateDone } from './queries.ts';

/** Members per step. Each row may be in a database page of its own. */
const memberStep = 100;

/**
 * Raises `seen` of a portion of the members who have not read a message; returns whether all are
 * done.
 */
export async function clearUnread(
  unit: Unit,
  { id, chatId, done: from }: Pending,
): Promise<boolean> {
  let done = from;
  const isDone = await inSteps(unit, memberStep, async (limit) => {
    const { count, last } = await findSomeMembers(unit, { chatId, id, after: done, limit });
    const upTo = last ?? done;
    if (count > 0) await raiseSeen(unit, { chatId, id, after: done, upTo });
    done = upTo;
    return count;
  });
  // Members who joined after a message never counted it as unread.
  await updateDone(unit, { id, done: isDone ? id : done });
  return isDone;
}
