import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Guards a GET that has an effect like the other methods. */
    sameOrigin?: true;
  }
}

interface Options {
  readonly publicUrl: URL | undefined;
}

/**
 * Refuses requests that another site makes a browser send: all writes, and the GETs that are
 * marked. Cookies are SameSite=Strict too, but sibling sites share those. Programs other than
 * browsers send neither header, and pass. See the OWASP cheat sheet on cross-site request forgery,
 * "Fetch Metadata headers" and "Employing custom request headers", and decision 33.
 */
export const sameOrigin = fp<Options>(
  async (app: FastifyInstance, { publicUrl }: Options) => {
    const warned = new Set<string>();
    const warnOnce = ({ log, headers: { origin }, host }: FastifyRequest, message: string) => {
      if (!warned.has(message)) log.warn({ origin, host }, message);
      warned.add(message);
    };
    app.addCheck((request) => {
      const verdict = judge(request, publicUrl);
      if (verdict === 'own' || !isGuarded(request)) return;
      if (verdict === 'by another name') return warnOnce(request, renamed);
      if (request.headers['sec-fetch-site'] === undefined) warnOnce(request, refused);
      throw new Refusal('cross_site');
    });
  },
  { name: 'same-origin', dependencies: ['checks'] },
);

const renamed =
  'the proxy does not pass on the host that people use: set PUBLIC_URL to the origin, or configure the proxy to pass on Host';

const refused =
  'a request from another origin was refused: if people use that origin for this server, set PUBLIC_URL to it';

/** Whether a request has an effect. A request that matches no route has none. */
function isGuarded({ method, routeOptions, is404 }: FastifyRequest): boolean {
  const isSafe = method === 'GET' || method === 'HEAD';
  return !is404 && (!isSafe || routeOptions.config.sameOrigin === true);
}

/** Our client adds this header to its requests, with any value. */
const clientHeader = 'x-requested-with';

/**
 * Whether a request comes from our own page, directly from its user, or from something other than a
 * browser. Over plain http browsers send only `Origin`, and many proxies replace the host that it
 * would be compared with. Then the header decides that only our page can add: another site's
 * browser asks for permission first, by OPTIONS, and never gets it.
 */
function judge(
  request: FastifyRequest,
  publicUrl: URL | undefined,
): 'own' | 'by another name' | 'foreign' {
  const { 'sec-fetch-site': site, origin } = request.headers;
  if (site !== undefined) return site === 'same-origin' || site === 'none' ? 'own' : 'foreign';
  if (origin === undefined || origin === publicUrl?.origin) return 'own';
  // Behind a trusted proxy, this is the host that the client requested.
  if (origin === `${request.protocol}://${request.host}`) return 'own';
  return request.headers[clientHeader] === undefined ? 'foreign' : 'by another name';
}
