/** A process that has just been started: its first pages, and after these its first message. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Lab } from '../lab.ts';
import { Person } from '../person.ts';
import type { BenchRequest } from '../requests.ts';
import type { Server } from '../server.ts';
import { byName, sum } from '../statistics.ts';
import type { Trial } from '../trial.ts';
import { newest } from '../workloads/newest.ts';
import { post } from '../workloads/post.ts';

/** The requests around the one that gives each its name; the mean of them is steadier. */
interface Window {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

const ofPages: readonly Window[] = [
  { name: '10th page', from: 6, to: 15 },
  { name: '100th page', from: 91, to: 110 },
  { name: '1,000th page', from: 951, to: 1050 },
];

const ofMessages: readonly Window[] = [
  { name: 'first message', from: 1, to: 1 },
  { name: '10th message', from: 6, to: 15 },
];

/** What a request leaves to do once it is answered, in ms. */
const aftermath = 100;

export const cold: Trial = {
  name: 'cold',
  lasts: ({ rounds }) => rounds * 15 + 5,
  run: async (lab) => {
    const pages = lab.pool(newest, await lab.copy());
    const messages = lab.pool(post, await lab.copy());
    const rounds: Record<string, number>[] = [];
    for (let round = 0; round < lab.settings.rounds; round++) {
      await lab.clear();
      rounds.push(await measureFresh(lab, pages, messages));
    }
    return { values: byName(rounds) };
  },
};

/** Measures a server that nobody has used yet. */
async function measureFresh(lab: Lab, pages: BenchRequest[], messages: BenchRequest[]) {
  const server = await lab.snug(await lab.copy());
  const idle = server.memory().anonymous / 1e6;
  const person = new Person(server.url);
  const figures = {
    'memory before, MB': idle,
    ...(await measure(server, person, lab.random.shuffle(pages), ofPages)),
    ...(await measure(server, person, lab.random.shuffle(messages), ofMessages)),
  };
  person.leave();
  await server.stop();
  return figures;
}

async function measure(
  server: Server,
  person: Person,
  pool: readonly BenchRequest[],
  windows: readonly Window[],
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const requests = pool.values();
  let sent = 0;
  const askUntil = async (last: number) => {
    const times: number[] = [];
    for (; sent < last; sent++) times.push(await person.ask(requests.next().value as BenchRequest));
    return times;
  };
  for (const { name, from, to } of windows) {
    await askUntil(from - 1);
    await wait(aftermath);
    const before = server.threadSeconds();
    const times = await askUntil(to);
    await wait(aftermath);
    const cpu = (server.threadSeconds() - before) * 1000;
    figures[`${name}: CPU ms`] = cpu / times.length;
    figures[`${name}: answered after ms`] = sum(times) / times.length;
  }
  return figures;
}
