import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';
import { placeOf } from './address.ts';
import { isNowhere } from './not-found.ts';
import { RateLimiter, type RateLimitResult } from './rate-limiter.ts';
import { Turns } from './turns.ts';

/**
 * What one may cost the server, in bytes of answers before they are compressed: 64 MB at once, and as
 * much again each minute. A client that reads 200 chats anew, with their members, costs 3.6 MB; a
 * first visit to the client 0.1 MB, and many people may share an address. At this rate, one user takes
 * a few hundredths of one core for as long as they like.
 */
export const budget = { quota: 64 * 1024 * 1024, window: 60 };

/**
 * What a request costs besides its answer's bytes, about as long as it takes to send so many: what
 * only reads, and what may write.
 */
export const baseCosts = { read: 4 * 1024, write: 64 * 1024 };

declare module 'fastify' {
  interface FastifyRequest {
    /** Who pays for it, once that was asked for. */
    payer: string | undefined;
  }
}

interface Options {
  /** A time in ms that never steps. */
  readonly ticks: () => number;
}

/**
 * Limits what is asked for by its cost: by user, and where one need not be signed in by address. The
 * cost is known when the answer is, so it is counted then, and who has spent more than there was
 * waits for it.
 */
export const readLimit = fp<Options>(
  async (app: FastifyInstance, { ticks }: Options) => {
    const meter = new RateLimiter(ticks);
    app.decorateRequest('payer');
    const turns = new Turns<string>();
    app.addHook('onRequest', (request, reply, done) => {
      const key = payerOf(request);
      if (key === undefined) return done();
      request.payer = key;
      const reading = meter.peek(key, budget);
      if (reading.left < budget.quota / 2 && !reply.hasHeader('ratelimit')) tell(reply, reading);
      if (reading.wait > 0) return done(new Refusal('too_often', reading.wait));
      // However many connections a payer has, others are heard between two of their requests.
      turns.take(key, done);
    });
    app.addHook('onSend', (request, reply, payload, done) => {
      // What was refused early has not come by there.
      const key = request.payer ?? payerOf(request);
      // What is refused as too much does not count, so that waiting suffices.
      if (key !== undefined && reply.statusCode !== 429)
        meter.spend(key, budget, costOf(request, payload));
      done();
    });
  },
  { name: 'read-limit', dependencies: ['sign-in', 'rate-limit'] },
);

/** Who pays for a request. Asking for what there is not is counted by rate-limit.ts. */
function payerOf(request: FastifyRequest): string | undefined {
  if (request.session !== undefined) return `${request.session.userId}`;
  if (isNowhere(request)) return undefined;
  const { public: isPublic, answersWhenBusy } = request.routeOptions.config;
  // Who watches over the server is to hear that it is well, whoever else is at the same address.
  const isCounted = request.is404 || (isPublic === true && answersWhenBusy !== true);
  return isCounted ? placeOf(request.ip) : undefined;
}

function costOf({ method }: FastifyRequest, payload: unknown): number {
  const isSafe = method === 'GET' || method === 'HEAD';
  const base = isSafe ? baseCosts.read : baseCosts.write;
  const isSized = typeof payload === 'string' || Buffer.isBuffer(payload);
  return base + (isSized ? Buffer.byteLength(payload) : 0);
}

/** See draft-ietf-httpapi-ratelimit-headers-10, of which `content-bytes` is a unit. */
function tell(reply: FastifyReply, { left, reset }: RateLimitResult): void {
  const policy = `"read";q=${budget.quota};qu="content-bytes";w=${budget.window}`;
  reply.header('ratelimit-policy', policy);
  reply.header('ratelimit', `"read";r=${left};t=${Math.ceil(reset / 1000)}`);
}
