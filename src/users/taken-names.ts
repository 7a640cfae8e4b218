/** Names that others must not have: in use, given up recently, or looking like one of those. */

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
 * Refuses a name that looks like another user's, or like one that somebody has given up and that is
 * still reserved. Users may take back their own old names.
 *
 * @param owner the user who wants the name; 0 for a new user.
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

/** Stores the skeletons of a user's new name. */
export async function holdName(unit: Unit, { id, name }: { id: number; name: string }) {
  for (const skeleton of skeletonsOf(name)) await insertSkeleton(unit, { skeleton, userId: id });
}

/**
 * Gives up a user's name.
 *
 * @param nameHold how long nobody else gets it, in ms; 0 for not at all.
 */
export async function releaseName(
  unit: Unit,
  { id, nameHold }: { id: number; nameHold: number },
): Promise<void> {
  if (nameHold === 0) await deleteSkeletons(unit, { userId: id });
  else await holdSkeletons(unit, { userId: id, heldUntil: unit.now + nameHold });
}

/**
 * Deletes the reservations that have ended.
 *
 * @returns whether there may be more.
 */
export async function clearHeldNames(unit: Unit): Promise<boolean> {
  const isDone = await inSteps(unit, portion, async (limit) => {
    return (await deleteHeldSkeletons(unit, { now: unit.now, limit })).length;
  });
  return !isDone;
}

/**
 * The server state with the id of the last user whose name has skeletons; absent once all do. The
 * migration sets it to 0.
 */
const progressKey = 'names_noted_up_to';

/** How many names one unit of work handles, in some milliseconds. */
const portion = 100;

/**
 * Stores skeletons for some of the names that are older than skeletons. It continues where it
 * stopped, also in another process.
 *
 * @returns whether there may be more.
 */
export async function backfillSkeletons(unit: Unit): Promise<boolean> {
  const after = (await findState(unit, { key: progressKey }))?.value;
  if (after === undefined) return false;
  const users = await listUsers(unit, { after: Number(after), limit: portion });
  for (const user of users) await holdName(unit, user);
  const last = users.at(-1);
  if (last === undefined) await deleteState(unit, { key: progressKey });
  else await setState(unit, { key: progressKey, value: String(last.id) });
  return last !== undefined;
}
