/** How fast open streams receive messages. */
import type { Lab, SnugOptions } from '../lab.ts';
import type { Settings } from '../settings.ts';
import { sum } from '../statistics.ts';
import { type Delivery, makeRooms, Streams } from '../streams.ts';
import type { Trial } from '../trial.ts';

export interface Scene {
  readonly title: string;
  readonly chats: number;
  /** Share of the settings' streams. */
  readonly share: number;
  /** Messages posted to each chat at once; the next ones follow when all streams have them. */
  readonly posts: number;
}

export const fewStreams: Scene = {
  title: 'one chat, a fifth of the streams',
  chats: 1,
  share: 0.2,
  posts: 1,
};

const scenes: readonly Scene[] = [
  fewStreams,
  { title: '100 chats', chats: 100, share: 1, posts: 1 },
  { title: 'one chat, in bursts of 8', chats: 1, share: 1, posts: 8 },
  { title: 'one chat, one at a time', chats: 1, share: 1, posts: 1 },
];

export const fanOut: Trial = {
  name: 'fan-out',
  lasts: (settings) => sum(scenes.map((scene) => sceneLasts(settings, scene))),
  run: async (lab) => {
    const values: Record<string, number[]> = {};
    for (const scene of scenes) {
      Object.assign(values, figuresOf(scene.title, await play(lab, scene)));
    }
    return { values };
  },
};

/** About how long a scene takes, in s. */
export function sceneLasts({ rounds, seconds, streams }: Settings, { share }: Scene): number {
  return (rounds + 1) * (seconds + 0.3) + (streams * share) / 500 + 5;
}

/** The figures of a scene, for the tables. */
export function figuresOf(title: string, rounds: readonly Delivery[]): Record<string, number[]> {
  return {
    [`${title}: deliveries/s`]: rounds.map(({ rate }) => rate),
    [`${title}: p99 ms`]: rounds.map(({ p99 }) => p99),
    [`${title}: readers’ share of their core`]: rounds.map(({ share }) => share),
  };
}

interface PlayOptions extends SnugOptions {
  /** Messages in the database; by default as in the settings. */
  readonly messages?: number;
}

/** Each scene has its own server, because idle open streams cost something too. */
export async function play(
  lab: Lab,
  { chats, share, posts }: Scene,
  { messages, ...options }: PlayOptions = {},
): Promise<Delivery[]> {
  const { rounds, seconds, streams: all } = lab.settings;
  const file = await lab.copy(messages);
  const rooms = lab.change(file, (sqlite) => makeRooms(sqlite, chats, all * share));
  const server = await lab.snug(file, options);
  const streams = await Streams.open(server.url, rooms);
  try {
    const figures: Delivery[] = [];
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) figures.push(await streams.post(posts, seconds));
    return figures.slice(1);
  } finally {
    await streams.close();
    await server.stop();
  }
}
