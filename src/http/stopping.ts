import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/**
 * Lets the server stop as soon as its last answer is out. Node closes the connections that are idle
 * when it is told to stop; one that was answering then would stay open until its client tires of it.
 */
export const stopping = fp(
  async (app: FastifyInstance) => {
    app.addHook('preClose', async () => {
      app.server.keepAliveTimeout = 1;
      app.server.keepAliveTimeoutBuffer = 0;
    });
  },
  { name: 'stopping' },
);
