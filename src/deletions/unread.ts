/**
 * A deleted message is unread for nobody from then on, but raising `seen` of thousands of members
 * takes long, so it goes in portions. For members who are yet to be reached, the pending deletion
 * itself counts: their `seen` is what is stored, and one for each such message after their mark.
 */

import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import type { Pending } from './pending.ts';
import { findSomeMembers, raiseSeen, updateDone } from './queries.ts';

/** How many members are looked at in one step. Each may be in a page of its own. */
const memberStep = 100;

/** Raises `seen` of a portion of those who have not read a deleted message; returns whether all have it. */
export async function forgetUnread(
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
  // Nobody who joined after a message has it among what they have not read.
  await updateDone(unit, { id, done: isDone ? id : done });
  return isDone;
}
