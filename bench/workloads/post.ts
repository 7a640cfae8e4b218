import type { Workload } from '../requests.ts';
import { pickLanguage, writeMessage } from '../text.ts';

/** Everybody posts to one of their chats. */
export const post: Workload = {
  name: 'post',
  title: 'post a message',
  request: (random, world) => {
    const { userId, chatId } = random.pick(world.places);
    const content = writeMessage(random, pickLanguage(random));
    return {
      method: 'POST',
      route: '/api/chats/:chat_id',
      path: `/api/chats/${chatId}`,
      userId,
      body: new URLSearchParams({ content }).toString(),
    };
  },
};
