import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';
import { placeOf } from './address.ts';
import { isUnknownAddress } from './not-found.ts';
import { type Quota, RateLimiter, type RateLimitResult } from './rate-limiter.ts';

interface Limit extends Quota {
  /** Whether the quota belongs to an address or to a user. */
  readonly by: 'address' | 'user';
}

const minute = 60;
const hour = 60 * minute;

/** The rate limits; normal use never reaches one. */
export const limits = {
  login: { quota: 10, window: minute, by: 'address' },
  /** Two school classes behind one address, with some mistakes. */
  register: { quota: 200, window: hour, by: 'address' },
  password: { quota: 10, window: 10 * minute, by: 'user' },
  /** Seeing where an invite leads, and joining. */
  invite: { quota: 60, window: minute, by: 'user' },
  /** The client searches while its user types. */
  search: { quota: 120, window: minute, by: 'user' },
  /** Looking users up, found or not: the client asks for the names of former members. */
  lookup: { quota: 60, window: minute, by: 'user' },
  /** A new name or e-mail address: everybody who shares a chat receives the name. */
  profile: { quota: 30, window: hour, by: 'user' },
  /** Everything that keeps other clients busy or grows the database; reads never count. */
  write: { quota: 300, window: minute, by: 'user' },
  /** Opening event streams: enough for 20 that break and come back every 10 s. */
  stream: { quota: 120, window: minute, by: 'user' },
  /** Requests for something that does not exist. */
  unknown: { quota: 120, window: minute, by: 'address' },
} as const satisfies Record<string, Limit>;

type LimitName = keyof typeof limits;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The limit that the route counts against. The API's description lists 429 automatically. */
    limit?: Exclude<LimitName, 'unknown'>;
  }
}

interface Options {
  /** A monotonic clock, in ms. */
  readonly ticks: () => number;
}

/**
 * Refuses requests beyond a limit before their body is read. They are counted in memory, so a
 * restart resets the limits.
 */
export const rateLimit = fp<Options>(
  async (app: FastifyInstance, { ticks }: Options) => {
    const limiter = new RateLimiter(ticks);
    app.addHook('onRequest', (request, reply, done) => {
      const name = isUnknownAddress(request) ? 'unknown' : request.routeOptions.config.limit;
      if (name === undefined) return done();
      const limit = limits[name];
      const who = limit.by === 'user' ? request.session.userId : placeOf(request.ip);
      const result = limiter.consume(`${name} ${who}`, limit);
      setHeaders(reply, name, limit, result);
      done(result.wait > 0 ? new Refusal('too_often', result.wait) : undefined);
    });
  },
  { name: 'rate-limit', dependencies: ['same-origin', 'authentication'] },
);

/**
 * See draft-ietf-httpapi-ratelimit-headers-10. Seconds are rounded up, so that waiting that long is
 * enough.
 */
function setHeaders(
  reply: FastifyReply,
  name: LimitName,
  limit: Quota,
  { left, reset }: RateLimitResult,
): void {
  reply.header('ratelimit-policy', `"${name}";q=${limit.quota};w=${limit.window}`);
  reply.header('ratelimit', `"${name}";r=${left};t=${Math.ceil(reset / 1000)}`);
}
