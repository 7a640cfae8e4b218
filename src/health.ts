import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from './db/store.ts';
import type { IsLocal } from './http/is-local.ts';
import { answers, Health } from './http/schema.ts';
import { sendJson } from './http/send.ts';
import { findAnyUser } from './users/queries.ts';

/** The same for the machine that it runs on: strangers learn nothing of backups. */
const healthyButLate = Buffer.from('{"status":"ok","backup":"late"}');

interface Options {
  readonly db: Store;
  readonly isLocal: IsLocal;
  /** Whether backups have failed for long. That is no reason to start the server again: it is well. */
  readonly areBackupsLate: () => boolean;
}

/** Written already: the first answer of all waits for nothing that others need. */
const healthy = Buffer.from('{"status":"ok"}');

/** For whoever watches over the server: does it answer, and does its database? */
export const healthRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { db, isLocal, areBackupsLate },
) => {
  app.get(
    '/healthz',
    {
      config: {
        public: true,
        refuses: ['disk_full', 'read_only', 'damaged'],
        answersWhenBusy: true,
      },
      logLevel: 'warn',
      schema: {
        summary: 'Tell whether the server is ready',
        response: answers(200, Health),
      },
    },
    async (request, reply) => {
      await db.check();
      await db.read(findAnyUser, {});
      sendJson(reply, areBackupsLate() && isLocal(request) ? healthyButLate : healthy);
      return reply;
    },
  );
};
