import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

/**
 * The headers of every answer: the content type is not guessed, nobody caches it, no other site can
 * use it, and as a page it may do nothing. Pages and files override them where they must.
 */
export const plainHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** HSTS for a year: a browser that came by https once uses nothing else (RFC 6797). */
const secureHeaders = { ...plainHeaders, 'strict-transport-security': 'max-age=31536000' };

export function headersFor({ isSecure }: FastifyRequest): typeof plainHeaders {
  return isSecure ? secureHeaders : plainHeaders;
}

/** Sets the headers before anything can fail, so that errors have them too. */
export const headers = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', (request, reply, done) => {
      reply.headers(headersFor(request));
      done();
    });
  },
  { name: 'headers' },
);
