import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The paths of pages and files, without those that have a parameter. */
    readonly pages: ReadonlySet<string>;
  }
}

/** The methods that a page allows. */
const allowed = 'GET, HEAD, OPTIONS';

/**
 * Answers requests that match no route. A page or a file names the methods that it allows (RFC
 * 9110, 9.3.7 and 15.5.6); health checks of proxies ask by OPTIONS. The API answers with the
 * documented 404 instead.
 */
export const notFound = fp(
  async (app: FastifyInstance) => {
    // `*` stands for the server as a whole.
    const pages = new Set(['*']);
    app.decorate('pages', pages);
    app.addHook('onRoute', ({ url, schema }) => {
      if (schema?.hide === true || url === '/healthz') pages.add(url);
    });
    app.setNotFoundHandler((request, reply) => answer(request, reply));
  },
  { name: 'not-found' },
);

function answer(request: FastifyRequest, reply: FastifyReply): void {
  if (!isPage(request)) throw new Refusal('no_route');
  reply.header('allow', allowed);
  if (request.method !== 'OPTIONS') throw new Refusal('wrong_method');
  reply.code(204).send();
}

/** Whether a request is for something that does not exist, with any method. */
export function isUnknownAddress(request: FastifyRequest): boolean {
  return request.is404 && !isPage(request);
}

function isPage({ url, server }: FastifyRequest): boolean {
  const [path = ''] = url.split('?', 1);
  return server.pages.has(path);
}
