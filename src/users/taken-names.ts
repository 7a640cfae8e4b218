/** Names as others must not have them: those in use, those that were given up, and what looks like them. */

import { deleteState, findState, setState } from '../db/query/server-state.ts';
import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { Refusal } from '../errors.ts';
import {
  deleteHeldSkeletons,
  deleteSkeletons,
  findLookAlike,
  holdSkeletons,
  insertSkeleton,
  listUsers,
} from './queries.ts';
import { lookAlikesOf, skeletonsOf } from './skeleton.ts';

/**
 * Refuses a name that others could not tell from somebody else's, or that somebody has given up and
 * is still held. One's own old name one may take back.
 *
 * @param owner whose name it is to be; 0 for a new user.
 * @throws Refusal `name_confusable`
 */
export async function refuseLookAlike(
  unit: Unit,
  { name, owner = 0 }: { name: string; owner?: number | undefined },
): Promise<void> {
  const skeletons = JSON.stringify(lookAlikesOf(name));
  const found = await findLookAlike(unit, { skeletons, except: owner, now: unit.now });
  if (found !== undefined) throw new Refusal('name_confusable');
}

/** Notes the name that a user has from now on. */
export async function holdName(unit: Unit, { id, name }: { id: number; name: string }) {
  for (const skeleton of skeletonsOf(name)) await insertSkeleton(unit, { skeleton, userId: id });
}

/**
 * Gives up the name that a user has had.
 *
 * @param nameHold for how long nobody else gets it, in ms; 0 for not at all.
 */
export async function releaseName(
  unit: Unit,
  { id, nameHold }: { id: number; nameHold: number },
): Promise<void> {
  if (nameHold === 0) await deleteSkeletons(unit, { userId: id });
  else await holdSkeletons(unit, { userId: id, heldUntil: unit.now + nameHold });
}

/**
 * Clears away the names that were held long enough.
 *
 * @returns whether there may be more.
 */
export async function clearHeldNames(unit: Unit): Promise<boolean> {
  const isDone = await inSteps(unit, portion, async (limit) => {
    return (await deleteHeldSkeletons(unit, { now: unit.now, limit })).length;
  });
  return !isDone;
}

/** The id of the last user whose name was noted; absent once all are. The migration sets it to 0. */
const notedUpTo = 'names_noted_up_to';

/** How many names are noted in one unit of work: some milliseconds. */
const portion = 100;

/**
 * Notes some of the names from before names were compared by their looks. It goes on where it was
 * left, in another process too.
 *
 * @returns whether there may be more.
 */
export async function noteOldNames(unit: Unit): Promise<boolean> {
  const after = (await findState(unit, { key: notedUpTo }))?.value;
  if (after === undefined) return false;
  const users = await listUsers(unit, { after: Number(after), limit: portion });
  for (const user of users) await holdName(unit, user);
  const last = users.at(-1);
  if (last === undefined) await deleteState(unit, { key: notedUpTo });
  else await setState(unit, { key: notedUpTo, value: String(last.id) });
  return last !== undefined;
}
