/** The cost of open streams that receive no events. */
import { setTimeout as wait } from 'node:timers/promises';
import { makeRooms, Streams } from '../streams.ts';
import type { Trial } from '../trial.ts';

/** In ms: long enough for two heartbeats of each stream. */
const idleTime = 35_000;

export const idleStreams: Trial = {
  name: 'idle-streams',
  lasts: (settings) => idleTime / 1000 + settings.idleStreams / 500 + 10,
  run: async (lab) => {
    const file = await lab.copy();
    const rooms = lab.change(file, (sqlite) => makeRooms(sqlite, 1, lab.settings.idleStreams));
    const server = await lab.snug(file);
    const streams = await Streams.open(server.url, rooms);
    try {
      await wait(idleTime);
      const held = await streams.count();
      const growth = server.memory().now - server.idle;
      return { values: { 'streams held': [held], 'KB for each': [growth / 1000 / held] } };
    } finally {
      await streams.close();
    }
  },
};
