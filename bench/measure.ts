/** Measures servers under the same load: interleaved, in random order. */
import type { LoadGenerator } from './load.ts';
import type { Random } from './random.ts';
import type { Server } from './server.ts';
import type { Settings } from './settings.ts';

/** One measurement of one server. */
export interface Sample {
  /** Requests per second. */
  readonly rate: number;
  /** CPU time of the server for each request, in µs. */
  readonly cpu: number;
  /** Response times, in ms. */
  readonly p50: number;
  readonly p99: number;
  /** The share of its core that the server used, from 0 to 1. */
  readonly share: number;
  /** The share of the time in which the load generator was busy. */
  readonly loadShare: number;
  /** The longest delay of its event loop, in ms; only for a server that is watched. */
  readonly held?: number;
}

/** The samples of all servers by name, measured one right after the other. */
export type Round = Readonly<Record<string, Sample>>;

/** A server, and the load for it. */
export interface Target {
  readonly server: Server;
  readonly load: LoadGenerator;
  /** Starts work that runs during the load, and returns a function that ends it. */
  readonly background?: () => () => Promise<void>;
}

export type Pace = Pick<Settings, 'rounds' | 'seconds' | 'connections'>;

export async function measureRounds(
  targets: Readonly<Record<string, Target>>,
  pace: Pace,
  random: Random,
): Promise<Round[]> {
  return inRounds(pace.rounds, async () => {
    const seed = random.below(2 ** 31);
    const samples: Record<string, Sample> = {};
    for (const [name, target] of random.shuffle(Object.entries(targets))) {
      samples[name] = await measure(name, target, { ...pace, seed });
    }
    return samples;
  });
}

/** Measures in rounds, without the first, which warms up: code is compiled, caches are filled. */
export async function inRounds<Figures>(
  rounds: number,
  measureOnce: () => Promise<Figures>,
): Promise<Figures[]> {
  const figures: Figures[] = [];
  for (let round = 0; round <= rounds; round++) figures.push(await measureOnce());
  return figures.slice(1);
}

/** @throws if any response was not a success. */
async function measure(
  name: string,
  { server, load, background }: Target,
  pace: Pace & { seed: number },
): Promise<Sample> {
  const end = background?.();
  await server.held();
  const before = server.cpuSeconds();
  const result = await load.run(server.url, pace);
  const cpu = server.cpuSeconds() - before;
  const held = await server.held();
  await end?.();
  if (result.failures > 0) {
    throw new Error(`${name}: ${result.failures} of ${result.requests} requests failed`);
  }
  return {
    rate: result.requests / result.seconds,
    cpu: (cpu / result.requests) * 1e6,
    p50: result.p50,
    p99: result.p99,
    share: cpu / result.seconds,
    loadShare: result.busy / result.seconds,
    ...(held !== undefined && { held }),
  };
}

/** Measures one after the other in random order; the results are in the order of the items. */
export async function inRandomOrder<Item, Figures>(
  items: readonly Item[],
  random: Random,
  measure: (item: Item) => Promise<Figures>,
): Promise<Figures[]> {
  const figures = new Map<Item, Figures>();
  for (const item of random.shuffle([...items])) figures.set(item, await measure(item));
  return items.map((item) => figures.get(item) as Figures);
}
