import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/** How often connections are looked for that have become idle meanwhile, in ms. */
const interval = 50;

/**
 * Lets the server stop as soon as its last answer is out. Node closes the connections that are idle
 * when it is told to stop; one that was answering then stays open until its client tires of it.
 */
export const stopping = fp(
  async (app: FastifyInstance) => {
    app.addHook('preClose', async () => {
      const closing = setInterval(() => app.server.closeIdleConnections(), interval).unref();
      app.server.once('close', () => clearInterval(closing));
    });
  },
  { name: 'stopping' },
);
