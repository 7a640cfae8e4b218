import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';
import { placeOf } from './address.ts';
import { isNowhere } from './not-found.ts';
import { type Quota, RateLimiter, type RateLimitResult } from './rate-limiter.ts';

interface Limit extends Quota {
  /** Who has it for themselves: everybody at an address, or a user. */
  readonly by: 'address' | 'user';
}

const minute = 60;
const hour = 60 * minute;

/** How often something may be done; nobody who means well should ever meet one of these. */
export const limits = {
  login: { quota: 10, window: minute, by: 'address' },
  /** Two classes in a school, behind one address, with some mistakes. */
  register: { quota: 200, window: hour, by: 'address' },
  password: { quota: 10, window: 10 * minute, by: 'user' },
  /** Seeing where an invite leads, and joining. */
  invite: { quota: 60, window: minute, by: 'user' },
  /** The client asks while one types. */
  search: { quota: 120, window: minute, by: 'user' },
  /** Looking users up, found or not: the client asks for the names of those who have left. */
  lookup: { quota: 60, window: minute, by: 'user' },
  /** A new name or e-mail address: everybody who shares a chat hears of the name. */
  profile: { quota: 30, window: hour, by: 'user' },
  /** All that makes others' clients busy, and the file larger; but reading, however much. */
  write: { quota: 300, window: minute, by: 'user' },
  /** Opening event streams: 20 of them break and come back every ten seconds. */
  stream: { quota: 120, window: minute, by: 'user' },
  /** Asking for what there is not. */
  nowhere: { quota: 120, window: minute, by: 'address' },
} as const satisfies Record<string, Limit>;

type LimitName = keyof typeof limits;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route counts as. It then tells of 429 in the API's description by itself. */
    limit?: Exclude<LimitName, 'nowhere'>;
  }
}

interface Options {
  /** A time in ms that never steps. */
  readonly ticks: () => number;
}

/** Refuses what comes too often, before its body is read; in memory, so a restart forgets. */
export const rateLimit = fp<Options>(
  async (app: FastifyInstance, { ticks }: Options) => {
    const meter = new RateLimiter(ticks);
    app.addHook('onRequest', (request, reply, done) => {
      const name = isNowhere(request) ? 'nowhere' : request.routeOptions.config.limit;
      if (name === undefined) return done();
      const limit = limits[name];
      const who = limit.by === 'user' ? request.session.userId : placeOf(request.ip);
      const reading = meter.consume(`${name} ${who}`, limit);
      tell(reply, name, limit, reading);
      done(reading.wait > 0 ? new Refusal('too_often', reading.wait) : undefined);
    });
  },
  { name: 'rate-limit', dependencies: ['same-origin', 'sign-in'] },
);

/** See draft-ietf-httpapi-ratelimit-headers-10; seconds are rounded up, so that waiting suffices. */
function tell(
  reply: FastifyReply,
  name: LimitName,
  limit: Quota,
  { left, reset }: RateLimitResult,
): void {
  reply.header('ratelimit-policy', `"${name}";q=${limit.quota};w=${limit.window}`);
  reply.header('ratelimit', `"${name}";r=${left};t=${Math.ceil(reset / 1000)}`);
}
