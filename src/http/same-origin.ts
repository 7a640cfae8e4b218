import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Guards a GET that does more than answer, as other methods are guarded. */
    sameOrigin?: true;
  }
}

interface Options {
  readonly publicUrl: URL | undefined;
}

/**
 * Refuses what another site makes a browser send: everything that changes something, and the GETs
 * that say so. Cookies are SameSite=Strict as well, but sibling sites share those. Programs that are
 * no browser send neither header, and pass. See the OWASP cheat sheet on cross-site request forgery,
 * "Fetch Metadata headers".
 */
export const sameOrigin = fp<Options>(
  async (app: FastifyInstance, { publicUrl }: Options) => {
    app.addHook('onRequest', (request, _, done) => {
      const isRefused = !isOwn(request, publicUrl) && isGuarded(request);
      done(isRefused ? new Refusal('cross_site') : undefined);
    });
  },
  { name: 'same-origin' },
);

/** Whether a request does more than ask. Where there is nothing, nothing can be done. */
function isGuarded({ method, routeOptions, is404 }: FastifyRequest): boolean {
  const isSafe = method === 'GET' || method === 'HEAD';
  return !is404 && (!isSafe || routeOptions.config.sameOrigin === true);
}

/** Whether a request comes from our own page, from its user directly, or from no browser. */
function isOwn(request: FastifyRequest, publicUrl: URL | undefined): boolean {
  const { 'sec-fetch-site': site, origin, host } = request.headers;
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  if (origin === undefined) return true;
  return origin === publicUrl?.origin || origin === `${request.protocol}://${host}`;
}
