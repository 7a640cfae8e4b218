import type { Workload } from '../requests.ts';

/** Everybody reads the list of their 20 chats. */
export const list: Workload = {
  name: 'list',
  title: 'list of chats',
  request: (random, world) => ({
    method: 'GET',
    route: '/api/chats',
    path: '/api/chats',
    userId: random.pick(world.places).userId,
  }),
};
