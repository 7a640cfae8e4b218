/** The load generator without wrk, in its own process; see load.ts for its arguments. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Load, LoadResult } from './load.ts';
import { Random } from './random.ts';
import { type BenchRequest, headersOf } from './requests.ts';

interface Client {
  setRequests(requests: object[]): void;
}

interface Options {
  url: string;
  connections: number;
  duration: number;
  timeout: number;
  setupClient(client: Client): void;
}

interface Result {
  requests: { total: number };
  latency: { p50: number; p99: number };
  duration: number;
  non2xx: number;
  errors: number;
}

// It has no types of its own.
const autocannon: (options: Options) => Promise<Result> = createRequire(import.meta.url)(
  'autocannon',
);

const [url = '', file = '', text = ''] = process.argv.slice(2);
const { connections, seconds, seed }: Load = JSON.parse(text);
const pool: BenchRequest[] = JSON.parse(readFileSync(file, 'utf8'));
const requests = new Random(seed)
  .shuffle(pool)
  .map((request) => ({ ...request, headers: headersOf(request) }));
const share = Math.ceil(requests.length / connections);

// Each connection cycles through its own part of the requests.
let assigned = 0;
const { user, system } = process.cpuUsage();
const result = await autocannon({
  url,
  connections,
  duration: seconds,
  timeout: 30,
  setupClient: (client) => {
    client.setRequests(requests.slice(assigned, assigned + share));
    assigned += share;
  },
});
const used = process.cpuUsage({ user, system });
const line: LoadResult = {
  requests: result.requests.total,
  seconds: result.duration,
  failures: result.non2xx + result.errors,
  p50: result.latency.p50,
  p99: result.latency.p99,
  busy: (used.user + used.system) / 1e6,
};
console.log(JSON.stringify(line));
