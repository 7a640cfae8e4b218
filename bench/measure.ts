/** Measures the server against the floor in one workload: interleaved, in random order. */
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
  /** Times to the answer, in ms. */
  readonly p50: number;
  readonly p99: number;
  /** The share of its core that the server had, from 0 to 1. */
  readonly share: number;
  /** The share of its core that the load generator had. */
  readonly loadShare: number;
}

/** Both servers, measured one right after the other. */
export interface Round {
  readonly floor: Sample;
  readonly snug: Sample;
}

type Pair<Value> = { readonly [Name in keyof Round]: Value };

export async function measureRounds(
  servers: Pair<Server>,
  load: LoadGenerator,
  settings: Settings,
  random: Random,
): Promise<Round[]> {
  const rounds: Round[] = [];
  // The first round warms up: code is compiled, caches are filled.
  for (let round = 0; round <= settings.rounds; round++) {
    const seed = random.below(2 ** 31);
    const samples: Partial<Record<keyof Round, Sample>> = {};
    for (const name of random.shuffle(['floor', 'snug'] as const satisfies (keyof Round)[])) {
      samples[name] = await measure(servers[name], load, { ...settings, seed });
    }
    if (round > 0) rounds.push(samples as Round);
  }
  return rounds;
}

/** @throws if anything but success was answered. */
async function measure(server: Server, load: LoadGenerator, settings: Settings): Promise<Sample> {
  const before = server.cpuSeconds();
  const result = await load.run(server.url, settings);
  const cpu = server.cpuSeconds() - before;
  if (result.failures > 0) {
    throw new Error(`${result.failures} of ${result.requests} requests have failed`);
  }
  return {
    rate: result.requests / result.seconds,
    cpu: (cpu / result.requests) * 1e6,
    p50: result.p50,
    p99: result.p99,
    share: cpu / result.seconds,
    loadShare: result.cpu / result.seconds,
  };
}
