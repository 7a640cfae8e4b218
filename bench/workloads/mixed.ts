import type { Workload } from '../requests.ts';
import { list } from './list.ts';
import { newest } from './newest.ts';
import { post } from './post.ts';

/** The mix of a busy server: 70 % newest messages, 20 % lists, 10 % posts. */
export const mixed: Workload = {
  name: 'mixed',
  title: 'mixed 70/20/10',
  request: (random, world) => {
    const chance = random.next();
    const workload = chance < 0.7 ? newest : chance < 0.9 ? list : post;
    return workload.request(random, world);
  },
};
