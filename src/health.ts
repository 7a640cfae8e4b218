import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from './db/store.ts';
import type { IsLocal } from './http/is-local.ts';
import { answers, Health } from './http/schema.ts';
import { sendJson } from './http/send.ts';
import { findAnyUser } from './users/queries.ts';

/** The same for requests from this machine: strangers learn nothing about backups. */
const healthyButLate = Buffer.from('{"status":"ok","backup":"late"}');

interface Options {
  readonly db: Store;
  readonly isLocal: IsLocal;
  /**
   * Whether backups have failed for long. That is no reason to restart the server, which is
   * healthy.
   */
  readonly areBackupsLate: () => boolean;
}

/** Serialized in advance: the first answer does not wait for anything that others need. */
const healthy = Buffer.from('{"status":"ok"}');

/** For monitoring: whether the server and its database respond. */
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
