import type { Workload } from '../requests.ts';

/** Everybody opens one of their chats, popular ones most often. */
export const newest: Workload = {
  name: 'newest',
  title: 'newest 50 messages',
  request: (random, world) => {
    const { userId, chatId } = random.pick(world.places);
    return {
      method: 'GET',
      route: '/api/chats/:chat_id',
      path: `/api/chats/${chatId}`,
      userId,
    };
  },
};
