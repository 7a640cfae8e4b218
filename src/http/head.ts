import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/**
 * Has HEAD answered as GET is, without the body, which Node leaves out (RFC 9110, 9.3.2). A GET that
 * has an effect, such as signing out, or no end is for GET only: `sameOrigin` marks those. The same
 * route does both, because Fastify's own routes for HEAD would be another 30 at each start.
 */
export const head = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRoute', (route) => {
      const isPlain = route.method === 'GET' && route.config?.sameOrigin !== true;
      if (isPlain) route.method = ['GET', 'HEAD'];
    });
  },
  { name: 'head' },
);
