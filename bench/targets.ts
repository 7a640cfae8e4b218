/** Snug's targets, and the figures that they are compared with. */
import type { Sample } from './measure.ts';
import { comparisonsOf, perRound, type Results } from './results.ts';
import { nameSize } from './settings.ts';
import type { Comparison } from './trial.ts';

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

  /** One figure of a server in a comparison, for each round. */
  server(name: string, server: string, of: (sample: Sample) => number): number[] {
    const rounds = this.#comparisons[name]?.rounds ?? [];
    return rounds.flatMap(({ [server]: sample }) => (sample === undefined ? [] : [of(sample)]));
  }

  /** The names of the sizes of databases, smallest first. */
  get sizes(): string[] {
    const sizes = this.#results.growth?.settings.sizes ?? [];
    return sizes.map(nameSize);
  }
}

/** The unit of shares of the floor's speed. */
const floor = '× the floor';

/** The cost of a page far back, as a multiple of that of the newest page. */
export const worstFarBack = 2;

/** The cost of a request in the largest database, as a multiple of that in the smallest. */
export const steady = { atLeast: 0.85, atMost: 1.15 };

const cpu = (sample: Sample) => sample.cpu;
const p99 = (sample: Sample) => sample.p99;

type Limit = Pick<Target, 'atLeast' | 'atMost'>;

/** A figure of a trial. */
const value = (what: string, unit: string, [trial, name]: [string, string], limit: Limit) => ({
  ...{ what, unit, ...limit },
  values: (measured: Measured) => measured.values(trial, name),
});

/** One figure of a trial divided by another. */
const quotient = (
  what: string,
  unit: string,
  [trial, one, other]: [string, string, string],
  limit: Limit,
) => ({
  ...{ what, unit, ...limit },
  values: (measured: Measured) => {
    const divisors = measured.values(trial, other);
    return measured
      .values(trial, one)
      .map((dividend, round) => dividend / (divisors[round] ?? Number.NaN));
  },
});

/** The speed of a cached answer. */
const share = (what: string, name: string, atLeast: number): Target => ({
  ...{ what, unit: floor, atLeast },
  values: (measured) => measured.ratio(name, 'snug', 'floor'),
});

/** The CPU time of a request that one of the servers in a comparison answers. */
const cost = (what: string, [name, server]: [string, string], atMost: number): Target => ({
  ...{ what, unit: 'µs of CPU', atMost },
  values: (measured) => measured.server(name, server, cpu),
});

const searching = (what: string, name: string): Target[] => [
  {
    ...{ what, unit: 'ms, p99', atMost: 5 },
    values: (measured) => measured.server(name, 'snug', p99),
  },
  {
    ...{ what: `${what}, in the largest database`, unit: 'ms, p99', atMost: 5 },
    values: (measured) => measured.server(`growth-${name}`, measured.sizes.at(-1) ?? '', p99),
  },
];

const listSize = (size: string) =>
  quotient(
    `a page of the list after a message: ${size} chats / 20`,
    '×',
    ['list-sizes', `${size} chats, page of 50: CPU µs`, '20 chats, page of 50: CPU µs'],
    { atMost: 1.2 },
  );

const delivering = (streams: string, atMost: number): Target[] => [
  value(
    `a message to the last of ${streams} streams`,
    'ms, p99',
    ['delivery', `${streams} streams: last stream p99 ms`],
    { atMost },
  ),
  value(
    `a page while a message goes out to ${streams} streams`,
    'ms, p99',
    ['delivery', `${streams} streams: page p99 ms`],
    { atMost: 10 },
  ),
];

const memoryAfter: Target = {
  ...{ what: 'memory after the loads', unit: 'MB', atMost: 180, always: true },
  values: (measured) =>
    ['post', 'newest', 'list', 'mixed']
      .map((name) => measured.comparison(name)?.memory.snug?.after)
      .filter((bytes) => bytes !== undefined)
      .map((bytes) => bytes / 1e6),
};

export const targets: readonly Target[] = [
  value(
    'bytes written to the WAL per message, one message per commit, including its search index',
    'KB',
    ['batches', '1 at once: KB to the log for a message'],
    { atMost: 32 },
  ),
  value('2,000 requests a second: posts', 'ms, p99', ['open-loop', '2,000/s: snug: posts p99 ms'], {
    atMost: 60,
  }),
  value('2,000 requests a second: reads', 'ms, p99', ['open-loop', '2,000/s: snug: reads p99 ms'], {
    atMost: 25,
  }),
  quotient(
    '500 requests a second: p99 of reads',
    '× the floor’s',
    ['open-loop', '500/s: snug: reads p99 ms', '500/s: floor: reads p99 ms'],
    { atMost: 1.2 },
  ),
  share('newest 50 messages', 'newest', 0.75),
  share('list of chats', 'list', 0.75),
  cost('newest 50 messages, not cached', ['newest', 'not cached'], 130),
  cost('50 messages far back', ['back', 'snug'], 120),
  listSize('1,000'),
  listSize('5,000'),
  ...searching('search for a rare word', 'search-rare'),
  ...searching('search for a very common word', 'search-common'),
  ...searching('search for two words', 'search-two'),
  ...searching('search in one chat', 'search-chat'),
  ...delivering('500', 20),
  ...delivering('5,000', 80),
  value('a fresh process: the 10th page', 'ms of CPU', ['cold', '10th page: CPU ms'], {
    atMost: 4,
  }),
  value('a fresh process: the 100th page', 'ms of CPU', ['cold', '100th page: CPU ms'], {
    atMost: 0.7,
  }),
  value('a fresh process: the first message', 'ms of CPU', ['cold', 'first message: CPU ms'], {
    atMost: 3,
  }),
  {
    ...{ what: 'post a message: cost in the largest database / in the smallest', unit: '×' },
    ...steady,
    // The cost is the inverse of the speed, so the smallest database comes first.
    values: (measured) =>
      measured.ratio('growth-post', measured.sizes[0] ?? '', measured.sizes.at(-1) ?? ''),
  },
  quotient(
    'post a message: cost for a user in 5,000 chats / in 20',
    '×',
    [
      'list-sizes',
      '5,000 chats, page of 50: a post before it, CPU µs',
      '20 chats, page of 50: a post before it, CPU µs',
    ],
    steady,
  ),
  quotient(
    'start to the first answer',
    '× `node -e 0`',
    ['start-up', 'start, ms', 'node -e 0, ms'],
    { atMost: 3 },
  ),
  value('memory idle, without mapped files', 'MB', ['cold', 'memory before, MB'], { atMost: 30 }),
  memoryAfter,
  value('a slow computer: a message', 'ms, p50', ['pi', 'post p50 ms'], { atMost: 45 }),
  value('a slow computer: a message', 'ms, p99', ['pi', 'post p99 ms'], { atMost: 120 }),
  value('a slow computer: a page', 'ms, p50', ['pi', 'page p50 ms'], { atMost: 12 }),
  value('idle streams', 'held', ['idle-streams', 'streams held'], { atLeast: 10_000 }),
  value('an idle stream', 'KB', ['idle-streams', 'KB for each'], { atMost: 14 }),
  {
    ...{ what: 'CPU of a message / of Express with prepared statements', unit: '×', atMost: 1 / 3 },
    values: (measured) => measured.ratio('peers-post', 'snug', 'express-prepared, full', cpu),
  },
];
