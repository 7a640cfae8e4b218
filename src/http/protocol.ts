import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';

/** What Node itself would answer without a word: see `http` in app.ts. */
export const protocol = fp(
  async (app: FastifyInstance) => {
    // RFC 9112, 3.2: a request names its host once; older ones (HTTP/1.0) need not.
    app.addHook('onRequest', async ({ raw }) => {
      const hosts = raw.rawHeaders.filter((name, i) => i % 2 === 0 && /^host$/i.test(name)).length;
      if (hosts > 1 || (hosts === 0 && raw.httpVersion === '1.1')) throw new Refusal('bad_request');
    });
    // RFC 9110, 10.1.1: what is expected besides 100-continue may be ignored.
    app.server.on('checkExpectation', (request, response) => app.routing(request, response));
  },
  { name: 'protocol' },
);
