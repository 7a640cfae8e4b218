import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/** What every answer bears: it is what it says it is, and nobody keeps it. Files say otherwise. */
export const plainHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** Sets them before anything can go wrong, so that errors bear them too. */
export const headers = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', async (_, reply) => {
      reply.headers(plainHeaders);
    });
  },
  { name: 'headers' },
);
