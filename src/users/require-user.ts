import type { Snapshot } from '../db/query/query.ts';
import { Refusal } from '../errors.ts';
import { findUserById } from './queries.ts';

/**
 * Makes sure that the caller still has an account: it may have been deleted since the request was
 * authenticated.
 *
 * @throws Refusal `signed_out`
 */
export async function requireUser(snapshot: Snapshot, { userId }: { userId: number }) {
  if ((await findUserById(snapshot, { id: userId })) === undefined) {
    throw new Refusal('signed_out');
  }
}
