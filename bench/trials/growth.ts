/** The cost of a request as the database grows: the same chats, with more and more messages. */
import { type Manner, roundsLast } from '../compare.ts';
import { hasDatabase } from '../database.ts';
import type { Lab } from '../lab.ts';
import type { Pace } from '../measure.ts';
import type { Workload } from '../requests.ts';
import { nameSize, type Settings } from '../settings.ts';
import { compareStages, setStages } from '../stages.ts';
import { sum } from '../statistics.ts';
import type { Comparison, Trial } from '../trial.ts';
import { back } from '../workloads/back.ts';
import { list } from '../workloads/list.ts';
import { mixed } from '../workloads/mixed.ts';
import { newest } from '../workloads/newest.ts';
import { post } from '../workloads/post.ts';
import { common, inChat, rare, two } from '../workloads/search.ts';
import { fewStreams, figuresOf, play, sceneLasts } from './fan-out.ts';

/** Two full pages of messages. Only chats with as many are read, so that all pages are full. */
const fewest = 102;

/** The workloads that read pages; the others use all chats. */
const reading: readonly Workload[] = [newest, back, mixed];

const workloads = [newest, back, list, mixed, post];

/** The searches share their copies and servers. */
const searches = [rare, common, two, inChat];

/** Messages written per second, at least, while a database is filled. */
const fillRate = 15_000;

/** Messages copied per second, at least. */
const copyRate = 500_000;

export const growth: Trial = {
  name: 'growth',
  few: true,
  lasts: (settings) => {
    const missing = settings.sizes.filter((messages) => !hasDatabase(settings, messages));
    const filling = sum(missing) / fillRate;
    const copying = (workloads.length + 2) * (sum(settings.sizes) / copyRate);
    const servers = 1 + settings.sizes.length;
    const measuring = workloads.length * roundsLast(settings, servers);
    const searching = searches.length * roundsLast({ ...settings, ...oneByOne(settings) }, servers);
    const streaming = settings.sizes.length * sceneLasts(settings, fewStreams);
    return filling + copying + measuring + searching + streaming;
  },
  run: async (lab) => {
    const comparisons: Record<string, Comparison> = {};
    const full = await findFull(lab);
    for (const workload of workloads) {
      const chats = reading.includes(workload) ? full : undefined;
      Object.assign(comparisons, await measure(lab, [workload], chats));
    }
    Object.assign(comparisons, await measure(lab, searches, undefined, oneByOne(lab.settings)));
    return { comparisons, values: { ...(await measureStreams(lab)), ...(await describe(lab)) } };
  },
};

/** A workload that writes has its own group, because its posts make the databases grow. */
async function measure(
  lab: Lab,
  group: readonly Workload[],
  chats?: ReadonlySet<number>,
  manner?: Manner,
): Promise<Record<string, Comparison>> {
  const comparisons: Record<string, Comparison> = {};
  const stages = await setStages(lab, group, chats);
  for (const workload of group) {
    comparisons[`growth-${workload.name}`] = await compareStages(lab, workload, stages, manner);
  }
  await lab.clear();
  return comparisons;
}

/** As the search trials do, but with a third of the rounds, to keep this trial short. */
function oneByOne({ rounds }: Settings): Pick<Pace, 'connections' | 'rounds'> {
  return { connections: 1, rounds: Math.ceil(rounds / 3) };
}

/** @throws if no chat has two full pages in the smallest database. */
async function findFull(lab: Lab): Promise<ReadonlySet<number>> {
  const file = await lab.copy(lab.settings.sizes[0]);
  const chats = lab.change(file, (sqlite) =>
    sqlite.prepare<[], number>(`select id from chats where posted >= ${fewest}`).pluck().all(),
  );
  if (chats.length > 0) return new Set(chats);
  throw new Error('BENCH_SIZES: the smallest database is too small; use at least 10000.');
}

/** How fast open streams receive messages. */
async function measureStreams(lab: Lab): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = {};
  for (const messages of lab.settings.sizes) {
    const title = `${fewStreams.title}, ${nameSize(messages)} messages`;
    Object.assign(values, figuresOf(title, await play(lab, fewStreams, { messages })));
  }
  return values;
}

/** The sizes of the databases, and how long they took to fill. */
async function describe(lab: Lab): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = {};
  for (const messages of lab.settings.sizes) {
    const { bytes, seconds } = await lab.database(messages);
    const name = nameSize(messages);
    values[`MB of ${name} messages`] = [bytes / 1e6];
    values[`s to fill ${name} messages`] = [seconds];
  }
  return values;
}
