import { about, type KindOfMany } from '../db/kept.ts';
import { listNames } from './queries.ts';

/** What a user is called; nothing once the account is gone. */
export interface Named {
  readonly name: string | undefined;
}

/** The names of users by their ids. */
export const userNames: KindOfMany<number, Named> = {
  key: (id) => id,
  readAll: async (snapshot, ids) => {
    const users = await listNames(snapshot, { ids: JSON.stringify(ids) });
    const byId = new Map(users.map(({ id, name }) => [id, name]));
    return ids.map((id) => {
      const value = { name: byId.get(id) };
      return { value, until: about(['user'], { userId: id }), bytes: 100 };
    });
  },
};
