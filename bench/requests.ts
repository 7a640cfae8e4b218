/** The requests of a workload, as the load generators and the floor need them. */
import { tokenOf } from './fill.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export interface BenchRequest {
  readonly method: 'GET' | 'POST';
  /** The route as the server declares it. */
  readonly route: string;
  readonly path: string;
  readonly userId: number;
  /** A form. */
  readonly body?: string;
}

/** One workload: a source of random requests of one kind. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  request(random: Random, world: World): BenchRequest;
}

/** How many requests are prepared in advance for the load generator to draw from. */
const poolSize = 10_000;

export function makePool(workload: Workload, random: Random, world: World): BenchRequest[] {
  return Array.from({ length: poolSize }, () => workload.request(random, world));
}

export function headersOf({ userId, body }: BenchRequest): Record<string, string> {
  return {
    cookie: cookieOf(userId),
    ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
  };
}

export function cookieOf(userId: number): string {
  return `user_id=${userId}; token=${tokenOf(userId)}`;
}

/** The request as sent over the wire (HTTP/1.1); it is pure ASCII. */
export function bytesOf(request: BenchRequest): string {
  const { method, path, body } = request;
  const headers = { host: 'localhost', ...headersOf(request) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = body === undefined ? '' : `content-length: ${body.length}\r\n`;
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}\r\n${body ?? ''}`;
}
