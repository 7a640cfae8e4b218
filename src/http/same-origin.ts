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
  'the proxy does not pass on by which name people reach the server: set PUBLIC_URL to the origin, or have the proxy pass Host on';

const refused =
  'a request of another origin was refused: if people reach the server by that, set PUBLIC_URL to it';

/** Whether a request does more than ask. Where there is nothing, nothing can be done. */
function isGuarded({ method, routeOptions, is404 }: FastifyRequest): boolean {
  const isSafe = method === 'GET' || method === 'HEAD';
  return !is404 && (!isSafe || routeOptions.config.sameOrigin === true);
}

/** Our page adds this to its requests, with any value. */
const ownHeader = 'x-requested-with';

/**
 * Whether a request comes from our own page, from its user directly, or from no browser. Over plain
 * http browsers send only `Origin`, and many a proxy replaces the host that it would be compared with.
 * Then the header counts that only our page can add: another site's browser asks first, by OPTIONS,
 * and never hears that it may.
 */
function judge(
  request: FastifyRequest,
  publicUrl: URL | undefined,
): 'own' | 'by another name' | 'foreign' {
  const { 'sec-fetch-site': site, origin } = request.headers;
  if (site !== undefined) return site === 'same-origin' || site === 'none' ? 'own' : 'foreign';
  if (origin === undefined || origin === publicUrl?.origin) return 'own';
  // Behind a trusted proxy, that is the host that the client has asked for.
  if (origin === `${request.protocol}://${request.host}`) return 'own';
  return request.headers[ownHeader] === undefined ? 'foreign' : 'by another name';
}
