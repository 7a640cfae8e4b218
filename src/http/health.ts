import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from '../db/store.ts';
import { findAnyUser } from '../users/queries.ts';
import { answers, Ok } from './schema.ts';
import { sendJson } from './send.ts';

/** Written already: the first answer of all waits for nothing that others need. */
const healthy = Buffer.from('{"status":"ok"}');

/** For whoever watches over the server: does it answer, and does its database? */
export const healthRoutes: FastifyPluginAsyncTypebox<{ db: Store }> = async (app, { db }) => {
  app.get(
    '/healthz',
    {
      config: {
        access: 'everybody',
        refuses: ['disk_full', 'read_only', 'damaged'],
        answersWhenBusy: true,
      },
      logLevel: 'warn',
      schema: {
        summary: 'Tell whether the server is ready',
        response: answers(200, Ok),
      },
    },
    async (_, reply) => {
      await db.check();
      await db.read(findAnyUser, {});
      sendJson(reply, healthy);
      return reply;
    },
  );
};
