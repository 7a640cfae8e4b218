import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

/**
 * What every answer bears: it is what it says it is, nobody keeps it, no other site has any part in
 * it, and as a page it may do nothing. Pages and files say otherwise where they must.
 */
export const plainHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** For a year, a browser that was here by https comes back by nothing else (RFC 6797). */
const secureHeaders = { ...plainHeaders, 'strict-transport-security': 'max-age=31536000' };

export function headersFor({ isSecure }: FastifyRequest): typeof plainHeaders {
  return isSecure ? secureHeaders : plainHeaders;
}

/** Sets them before anything can go wrong, so that errors bear them too. */
export const headers = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', (request, reply, done) => {
      reply.headers(headersFor(request));
      done();
    });
  },
  { name: 'headers' },
);
