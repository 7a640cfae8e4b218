import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';
import { placeOf } from './address.ts';
import { isUnknownAddress } from './not-found.ts';
import { RateLimiter, type RateLimitResult } from './rate-limiter.ts';
import { Turns } from './turns.ts';

/**
 * The read budget, in bytes of answers before compression: 64 MB at once, and the same again each
 * minute. A client that reloads 200 chats with their members costs 3.6 MB; a first visit to the
 * client 0.1 MB, and many people may share an address. At this rate, one user can take a few
 * hundredths of one core for as long as they like.
 */
export const budget = { quota: 64 * 1024 * 1024, window: 60 };

/**
 * The base cost of a request besides its answer's bytes, as the number of bytes that take about as
 * long to send: for a read, and for a possible write.
 */
export const baseCosts = { read: 4 * 1024, write: 64 * 1024 };

declare module 'fastify' {
  interface FastifyRequest {
    /** The key that pays for the request, once determined. */
    payer: string | undefined;
  }
}

interface Options {
  /** A monotonic clock, in ms. */
  readonly ticks: () => number;
}

/**
 * Limits requests by their cost: for each user, and on public routes for each address. The cost is
 * known with the answer, so it is charged then, and a payer in debt waits afterwards.
 */
export const readLimit = fp<Options>(
  async (app: FastifyInstance, { ticks }: Options) => {
    const limiter = new RateLimiter(ticks);
    app.decorateRequest('payer');
    const turns = new Turns<string>();
    app.addHook('onRequest', (request, reply, done) => {
      const key = payerOf(request);
      if (key === undefined) return done();
      request.payer = key;
      const result = limiter.peek(key, budget);
      if (result.left < budget.quota / 2 && !reply.hasHeader('ratelimit'))
        setHeaders(reply, result);
      if (result.wait > 0) return done(new Refusal('too_often', result.wait));
      // However many connections a payer has, others are served between two of their requests.
      turns.take(key, done);
    });
    app.addHook('onSend', (request, reply, payload, done) => {
      // A request that was refused early has no payer yet.
      const key = request.payer ?? payerOf(request);
      // Requests answered with 429 do not count, so that waiting is enough.
      if (key !== undefined && reply.statusCode !== 429)
        limiter.spend(key, budget, costOf(request, payload));
      done();
    });
  },
  { name: 'read-limit', dependencies: ['authentication', 'rate-limit'] },
);

/**
 * The key that pays for a request. Requests for something that does not exist are counted by
 * rate-limit.ts.
 */
function payerOf(request: FastifyRequest): string | undefined {
  if (request.session !== undefined) return `${request.session.userId}`;
  if (isUnknownAddress(request)) return undefined;
  const { public: isPublic, answersWhenBusy } = request.routeOptions.config;
  // A monitor must learn that the server is well, no matter who else shares its address.
  const isCounted = request.is404 || (isPublic === true && answersWhenBusy !== true);
  return isCounted ? placeOf(request.ip) : undefined;
}

function costOf({ method }: FastifyRequest, payload: unknown): number {
  const isSafe = method === 'GET' || method === 'HEAD';
  const base = isSafe ? baseCosts.read : baseCosts.write;
  const isSized = typeof payload === 'string' || Buffer.isBuffer(payload);
  return base + (isSized ? Buffer.byteLength(payload) : 0);
}

/** See draft-ietf-httpapi-ratelimit-headers-10, which defines the unit `content-bytes`. */
function setHeaders(reply: FastifyReply, { left, reset }: RateLimitResult): void {
  const policy = `"read";q=${budget.quota};qu="content-bytes";w=${budget.window}`;
  reply.header('ratelimit-policy', policy);
  reply.header('ratelimit', `"read";r=${left};t=${Math.ceil(reset / 1000)}`);
}
