/** What a request costs as the database grows: the same chats, in which more and more was said. */
import { type Contestant, compare, roundsLast } from '../compare.ts';
import { hasDatabase } from '../database.ts';
import type { Lab } from '../lab.ts';
import type { BenchRequest, Workload } from '../requests.ts';
import type { Comparison, Trial } from '../trial.ts';
import { back } from '../workloads/back.ts';
import { list } from '../workloads/list.ts';
import { mixed } from '../workloads/mixed.ts';
import { newest } from '../workloads/newest.ts';
import { post } from '../workloads/post.ts';

/** Reading must cost as much in the smallest database: only chats count that have two full pages. */
const fewest = 102;

/** What reads pages; the other workloads are about all chats. */
const reading: readonly Workload[] = [newest, back, mixed];

const workloads = [newest, back, list, mixed, post];

/** So many messages are written in a second, at the least, when a database is filled. */
const fillRate = 15_000;

/** The same for copying one. */
const copyRate = 500_000;

export const growth: Trial = {
  name: 'growth',
  few: true,
  lasts: (settings) => {
    const missing = settings.sizes.filter((messages) => !hasDatabase(settings, messages));
    const filling = missing.reduce((sum, messages) => sum + messages, 0) / fillRate;
    const copying = settings.sizes.reduce((sum, messages) => sum + messages, 0) / copyRate;
    const measuring = roundsLast(settings, 1 + settings.sizes.length);
    return workloads.length * (measuring + copying) + filling;
  },
  run: async (lab) => {
    const comparisons: Record<string, Comparison> = {};
    const full = await findFull(lab);
    for (const workload of workloads) {
      const chats = reading.includes(workload) ? full : undefined;
      comparisons[`growth-${workload.name}`] = await measure(lab, workload, chats);
      await lab.clear();
    }
    return { comparisons, values: await describe(lab) };
  },
};

/** @throws if no chat has two full pages in the smallest database. */
async function findFull(lab: Lab): Promise<ReadonlySet<number>> {
  const file = await lab.copy(lab.settings.sizes[0]);
  const chats = lab.change(file, (sqlite) =>
    sqlite.prepare<[], number>(`select id from chats where posted >= ${fewest}`).pluck().all(),
  );
  if (chats.length > 0) return new Set(chats);
  throw new Error('BENCH_SIZES: the smallest database is too small; 10000 is enough.');
}

/** Each workload on copies of its own: what is posted in one makes the next one's databases grow. */
async function measure(
  lab: Lab,
  workload: Workload,
  chats: ReadonlySet<number> | undefined,
): Promise<Comparison> {
  const contestants: Record<string, Contestant> = {};
  let pool: readonly BenchRequest[] = [];
  for (const messages of lab.settings.sizes) {
    const file = await lab.copy(messages);
    pool = lab.pool(workload, file, chats);
    const server = await lab.snug(file);
    contestants.floor ??= { server: await lab.floor(server, pool), pool };
    contestants[messages.toLocaleString('en')] = { server, pool };
  }
  const title = `${workload.title}, messages in the database`;
  return compare(lab, { title }, pool, contestants);
}

/** What the databases are like. */
async function describe(lab: Lab): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = {};
  for (const messages of lab.settings.sizes) {
    const { bytes, seconds } = await lab.database(messages);
    const name = messages.toLocaleString('en');
    values[`MB of ${name} messages`] = [bytes / 1e6];
    values[`s to fill ${name} messages`] = [seconds];
  }
  return values;
}
