/** The chats of a user, which every request about a chat reads first. */

import { type CachedQuery, dependsOn } from '../db/cache/cached-query.ts';
import { chatIdsOf } from './queries.ts';

const changes = ['member.joined', 'member.left'] as const;

/** The ids of a user's chats. */
export const ownChats: CachedQuery<{ userId: number }, ReadonlySet<number>> = {
  key: ({ userId }) => userId,
  read: async (snapshot, { userId }) => {
    const chats = await chatIdsOf(snapshot, { userId });
    const value = new Set(chats.map(({ chatId }) => chatId));
    return { value, invalidatedBy: dependsOn(changes, { userId }), bytes: 50 * value.size };
  },
};
