/** Whether a user is in a chat, which every request about it asks first. */
import { about, type Kind } from '../db/kept.ts';
import { authorise, type Key, type Role } from './members.ts';

const changes = ['member.joined', 'member.changed', 'member.left'] as const;

/** A user's role in one of their chats. Throws as `authorise` does. */
export const ownRole: Kind<Key, { readonly role: Role }> = {
  key: ({ chatId, userId }) => `role ${chatId} ${userId}`,
  read: async (snapshot, key) => {
    const { role } = await authorise(snapshot, key);
    return { value: { role }, until: about(changes, { userId: key.userId }), bytes: 50 };
  },
};
