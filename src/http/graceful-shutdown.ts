import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';

/**
 * Lets the server stop as soon as its last answer is out, and refuses new requests until then. Node
 * closes only the connections that are idle when it starts to close; one that was answering at that
 * time would stay open until its client gives up.
 */
export const gracefulShutdown = fp(
  async (app: FastifyInstance) => {
    let isStopping = false;
    app.addCheck(() => {
      if (isStopping) throw new Refusal('stopping');
    });
    app.addHook('preClose', async () => {
      isStopping = true;
      app.server.keepAliveTimeout = 1;
      app.server.keepAliveTimeoutBuffer = 0;
    });
  },
  { name: 'graceful-shutdown', dependencies: ['checks'] },
);
