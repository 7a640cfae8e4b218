import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/**
 * Answers HEAD like GET, without the body, which Node leaves out (RFC 9110, 9.3.2). A GET that has
 * an effect, such as signing out, or that has no end, allows no HEAD: `sameOrigin` marks those. One
 * route serves both, because Fastify's own HEAD routes would be another 30 at each start.
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
