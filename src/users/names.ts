import { type CachedBatchQuery, dependsOn } from '../db/cache/cached-query.ts';
import { inOrder } from '../db/query/query.ts';
import { listNames } from './queries.ts';

/** A user's name (undefined once the account is deleted), and whether the account is disabled. */
export interface Named {
  readonly name: string | undefined;
  readonly isDisabled: boolean;
}

/** The names of users and the state of their accounts, by id. */
export const userNames: CachedBatchQuery<number, Named> = {
  key: (id) => id,
  readMany: async (snapshot, ids) => {
    const users = await listNames(snapshot, { ids: JSON.stringify(ids) });
    const found = inOrder(ids, users);
    return ids.map((id, index) => {
      const { name, disabledAt = null } = found[index] ?? {};
      const value = { name, isDisabled: disabledAt !== null };
      return { value, invalidatedBy: dependsOn(['user'], { userId: id }), bytes: 100 };
    });
  },
};
