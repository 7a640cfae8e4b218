import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import type { Clear } from '../deletions/pending.ts';
import {
  deleteSomeKeysOf,
  deleteSomeRemovalsOf,
  listSomeMemberships,
} from '../deletions/queries.ts';
import { endMembership, handOver } from '../members/members.ts';
import { deleteMembership } from '../members/queries.ts';

/** Each membership ends with an event, and may end its chat or change its owner: 20 ms at most. */
const chatStep = 1;
const rowStep = 100;

/** Deletes the remaining rows of a deleted account: memberships first, because others see them. */
export const clearAccount: Clear = async (unit, { id: userId }) =>
  (await inSteps(unit, chatStep, (limit) => leaveSome(unit, userId, limit))) &&
  (await inSteps(unit, rowStep, async (limit) => {
    return (await deleteSomeRemovalsOf(unit, { userId, limit })).length;
  })) &&
  (await inSteps(unit, rowStep, async (limit) => {
    return (await deleteSomeKeysOf(unit, { userId, limit })).length;
  }));

async function leaveSome(unit: Unit, userId: number, limit: number): Promise<number> {
  const left = await listSomeMemberships(unit, { userId, limit });
  for (const { chatId, role, isDeleted } of left) {
    const key = { chatId, userId };
    // The other members have left in the meantime: nobody is left to notify.
    if (isDeleted) await deleteMembership(unit, key);
    else {
      await endMembership(unit, key);
      await handOver(unit, { ...key, role });
    }
  }
  return left.length;
}
