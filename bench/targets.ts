/** Snug's targets, and the figures that they are compared with. */
import type { Sample } from './measure.ts';
import { comparisonsOf, perRound, type Results } from './results.ts';
import { nameSize } from './settings.ts';
import type { Comparison } from './trial.ts';
import { newest } from './workloads/newest.ts';
import { post } from './workloads/post.ts';

export interface Target {
  readonly what: string;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Whether the worst round counts, not the median. */
  readonly always?: boolean;
  /** One value for each round; empty if it was not measured. */
  values(measured: Measured): readonly number[];
}

export function isReached({ atLeast, atMost }: Target, value: number): boolean {
  return value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
}

/** Looks up measured figures by name. */
export class Measured {
  readonly #results: Results;
  readonly #comparisons: Readonly<Record<string, Comparison>>;

  constructor(results: Results) {
    this.#results = results;
    this.#comparisons = comparisonsOf(results);
  }

  comparison(name: string): Comparison | undefined {
    return this.#comparisons[name];
  }

  values(trial: string, name: string): readonly number[] {
    return this.#results[trial]?.values?.[name] ?? [];
  }

  /** The ratio of two servers under the same load, by requests per second unless `of` is given. */
  ratio(name: string, one: string, other: string, of?: (sample: Sample) => number): number[] {
    const comparison = this.#comparisons[name];
    return comparison === undefined ? [] : perRound(comparison, one, other, of);
  }

  /** One figure of Snug itself, for each round. */
  snug(name: string, of: (sample: Sample) => number): number[] {
    const rounds = this.#comparisons[name]?.rounds ?? [];
    return rounds.flatMap(({ snug }) => (snug === undefined ? [] : [of(snug)]));
  }

  /** The names of the sizes of databases, smallest first. */
  get sizes(): string[] {
    const sizes = this.#results.growth?.settings.sizes ?? [];
    return sizes.map(nameSize);
  }
}

/** The unit of shares of the floor's speed. */
export const floor = '× the floor';

/** The cost of a request in the largest database, as a multiple of that in the smallest. */
export const steady = { atLeast: 0.85, atMost: 1.15 };

/** The cost of a page far back, as a multiple of that of the newest page. */
export const worstFarBack = 2;

const p99 = (sample: Sample) => sample.p99;
const held = (sample: Sample) => sample.held ?? 0;

const share = (what: string, name: string, atLeast: number, server = 'snug'): Target => ({
  what,
  unit: floor,
  atLeast,
  values: (measured) => measured.ratio(name, server, 'floor'),
});

const growth = (what: string, name: string): Target => ({
  what: `${what}: cost in the largest database / in the smallest`,
  unit: '×',
  ...steady,
  // The cost is the inverse of the speed, so the smallest database comes first.
  values: (measured) => measured.ratio(name, measured.sizes[0] ?? '', measured.sizes.at(-1) ?? ''),
});

const searching = (what: string, name: string): Target[] => [
  { what, unit: 'ms, p99', atMost: 20, values: (measured) => measured.snug(name, p99) },
  {
    what: `${what}: event loop blocked`,
    unit: 'ms',
    atMost: 50,
    always: true,
    values: (measured) => measured.snug(name, held),
  },
];

const memory = (what: string, of: 'idle' | 'after', atMost: number): Target => ({
  what,
  unit: 'MB',
  atMost,
  always: true,
  values: (measured) =>
    ['post', 'newest', 'list', 'mixed']
      .map((name) => measured.comparison(name)?.memory.snug?.[of])
      .filter((bytes) => bytes !== undefined)
      .map((bytes) => bytes / 1e6),
});

/** A peer in its mode that is as durable as Snug. */
const peer = (name: string, atLeast: number): Target[] =>
  [post, newest].map((workload) => ({
    what: `${workload.title}: Snug / ${name}`,
    unit: '×',
    atLeast,
    values: (measured) => measured.ratio(`peers-${workload.name}`, 'snug', `${name}, full`),
  }));

const value = (
  what: string,
  unit: string,
  [trial, name]: [string, string],
  limit: Pick<Target, 'atLeast' | 'atMost'>,
): Target => ({ what, unit, ...limit, values: (measured) => measured.values(trial, name) });

export const targets: readonly Target[] = [
  share('post a message, each 201 on the disk', 'post', 0.75),
  {
    what: 'post a message: p99',
    unit: '× the floor’s',
    atMost: 1.3,
    values: (measured) => measured.ratio('post', 'snug', 'floor', p99),
  },
  {
    what: 'post a message: with group commit / without',
    unit: '×',
    atLeast: 5,
    values: (measured) => measured.ratio('post', 'snug', 'without group commit'),
  },
  share('newest 50 messages', 'newest', 0.9),
  share('newest 50 messages, not cached', 'newest', 0.25, 'not cached'),
  share('list of chats', 'list', 0.85),
  share('list of chats, not cached', 'list', 0.22, 'not cached'),
  share('mixed 70/20/10', 'mixed', 0.75),
  share('mixed, fsync 2 ms slower', 'slow-disk-mixed', 0.8, '+2 ms'),
  share('mixed, fsync 10 ms slower', 'slow-disk-mixed', 0.7, '+10 ms'),
  growth('post a message', 'growth-post'),
  growth('newest 50 messages', 'growth-newest'),
  growth('list of chats', 'growth-list'),
  growth('mixed 70/20/10', 'growth-mixed'),
  {
    what: 'cost of a page far back / of the newest one, in the largest database',
    unit: '×',
    atMost: worstFarBack,
    values: (measured) => {
      const largest = measured.sizes.at(-1) ?? '';
      const far = measured.ratio('growth-back', largest, 'floor');
      return measured
        .ratio('growth-newest', largest, 'floor')
        .slice(0, far.length)
        .map((near, round) => near / (far[round] ?? Number.NaN));
    },
  },
  ...searching('search for a rare word', 'search-rare'),
  ...searching('search for a very common word', 'search-common'),
  ...searching('search for two words', 'search-two'),
  ...searching('search in one chat', 'search-chat'),
  value(
    '5,000 streams, messages in bursts of 8',
    'deliveries/s',
    ['fan-out', 'one chat, in bursts of 8: deliveries/s'],
    { atLeast: 500_000 },
  ),
  value(
    '5,000 streams, one message at a time',
    'deliveries/s',
    ['fan-out', 'one chat, one at a time: deliveries/s'],
    { atLeast: 80_000 },
  ),
  value(
    '1,000 streams, one message at a time',
    'ms, p99',
    ['fan-out', 'one chat, a fifth of the streams: p99 ms'],
    { atMost: 30 },
  ),
  value('idle streams', 'held', ['idle-streams', 'streams held'], { atLeast: 10_000 }),
  value('an idle stream', 'KB', ['idle-streams', 'KB for each'], { atMost: 12 }),
  {
    what: 'start to the first answer',
    unit: '× `node -e 0`',
    atMost: 2.7,
    values: (measured) => {
      const bare = measured.values('start-up', 'node -e 0, ms');
      return measured
        .values('start-up', 'start, ms')
        .map((time, round) => time / (bare[round] ?? Number.NaN));
    },
  },
  memory('memory idle', 'idle', 75),
  memory('memory after the loads', 'after', 160),
  {
    what: 'list of chats while 100 sign in: p99',
    unit: '× without them',
    atMost: 1.3,
    values: (measured) => measured.ratio('logins', 'busy', 'quiet', p99),
  },
  ...peer('express', 10),
  ...peer('feathers', 20),
  ...peer('koa', 10),
];
