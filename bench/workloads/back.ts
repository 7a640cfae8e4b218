import type { Workload } from '../requests.ts';

/** Everybody reads old messages, in the middle of a chat's history. */
export const back: Workload = {
  name: 'back',
  title: '50 messages far back',
  request: (random, world) => {
    const { userId, chatId } = random.pick(world.places);
    return {
      method: 'GET',
      route: '/api/chats/:chat_id',
      path: `/api/chats/${chatId}?before=${world.middleOf(chatId)}`,
      userId,
    };
  },
};
