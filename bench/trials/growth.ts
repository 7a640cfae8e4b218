/** What a request costs as the database grows: the same chats, in which more and more was said. */
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

/** Reading must cost as much in the smallest database: only chats count that have two full pages. */
const fewest = 102;

/** What reads pages; the other workloads are about all chats. */
const reading: readonly Workload[] = [newest, back, mixed];

const workloads = [newest, back, list, mixed, post];

/** They share their copies and servers. */
const searches = [rare, common, two, inChat];

/** So many messages are written in a second, at the least, when a database is filled. */
const fillRate = 15_000;

/** The same for copying one. */
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
    const telling = settings.sizes.length * sceneLasts(settings, fewStreams);
    return filling + copying + measuring + searching + telling;
  },
  run: async (lab) => {
    const comparisons: Record<string, Comparison> = {};
    const full = await findFull(lab);
    for (const workload of workloads) {
      const chats = reading.includes(workload) ? full : undefined;
      Object.assign(comparisons, await measure(lab, [workload], chats));
    }
    Object.assign(comparisons, await measure(lab, searches, undefined, oneByOne(lab.settings)));
    return { comparisons, values: { ...(await tell(lab)), ...(await describe(lab)) } };
  },
};

/** What writes is a group of its own: what is posted makes the next one's databases grow. */
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

/** As search is measured by itself, but in a third of the rounds, to keep the trial short. */
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
  throw new Error('BENCH_SIZES: the smallest database is too small; 10000 is enough.');
}

/** How fast streams are told of messages. */
async function tell(lab: Lab): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = {};
  for (const messages of lab.settings.sizes) {
    const title = `${fewStreams.title}, ${nameSize(messages)} messages`;
    Object.assign(values, figuresOf(title, await play(lab, fewStreams, { messages })));
  }
  return values;
}

/** What the databases are like. */
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
