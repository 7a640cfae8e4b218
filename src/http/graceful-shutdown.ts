import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';

/**
 * Lets the server stop as soon as its last answer is out, and refuses what comes in until then. Node
 * closes the connections that are idle when it is told to stop; one that was answering then would
 * stay open until its client tires of it.
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
  { name: 'stopping', dependencies: ['checks'] },
);
