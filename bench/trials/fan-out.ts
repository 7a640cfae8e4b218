/** How fast those who have a stream open are told of messages. */
import type { Lab } from '../lab.ts';
import { makeRooms, Streams, type Told } from '../streams.ts';
import type { Trial } from '../trial.ts';

interface Scene {
  readonly title: string;
  readonly chats: number;
  /** Share of the settings' streams. */
  readonly share: number;
  /** Messages posted to each chat at once; the next ones when everybody was told. */
  readonly posts: number;
}

const scenes: readonly Scene[] = [
  { title: 'one chat, a fifth of the streams', chats: 1, share: 0.2, posts: 1 },
  { title: '100 chats', chats: 100, share: 1, posts: 1 },
  { title: 'one chat, in bursts of 8', chats: 1, share: 1, posts: 8 },
  { title: 'one chat, one at a time', chats: 1, share: 1, posts: 1 },
];

export const fanOut: Trial = {
  name: 'fan-out',
  lasts: ({ rounds, seconds, streams }) =>
    scenes.length * ((rounds + 1) * (seconds + 0.3) + streams / 500) + 10,
  run: async (lab) => {
    const values: Record<string, number[]> = {};
    for (const scene of scenes) {
      const told = await play(lab, scene);
      values[`${scene.title}: deliveries/s`] = told.map(({ rate }) => rate);
      values[`${scene.title}: p99 ms`] = told.map(({ p99 }) => p99);
      values[`${scene.title}: readers’ share of their core`] = told.map(({ share }) => share);
    }
    return { values };
  },
};

/** A server for each scene: streams that are open cost something even when nobody posts. */
async function play(lab: Lab, { chats, share, posts }: Scene): Promise<Told[]> {
  const { rounds, seconds, streams: all } = lab.settings;
  const file = await lab.copy();
  const rooms = lab.change(file, (sqlite) => makeRooms(sqlite, chats, all * share));
  const server = await lab.snug(file);
  const streams = await Streams.open(server.url, rooms);
  try {
    const told: Told[] = [];
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) told.push(await streams.tell(posts, seconds));
    return told.slice(1);
  } finally {
    await streams.close();
    await server.stop();
  }
}
