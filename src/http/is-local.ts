/** Whether a request comes from the machine that the server runs on, and from nowhere behind it. */
import type { FastifyRequest } from 'fastify';
import { isLoopback, matcherOf } from './networks.ts';

/** What proxies add to the requests that they pass on. */
const proxyHeader =
  /^(x-forwarded(-.*)?|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-.*|forwarded|via)$/;

/** How a browser or curl names this machine when it runs on it. */
const localHost = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** Tells whether a request is local; made once for the proxies of the settings. */
export type IsLocal = (request: FastifyRequest) => boolean;

/**
 * A proxy on this machine passes on what strangers ask. Therefore a request is local only if its
 * peer is this machine, the peer is no trusted proxy, no header is a proxy's, it asks for this
 * machine by a local name, and it speaks HTTP/1.1: nginx without further settings speaks 1.0, and a
 * page that uses DNS rebinding asks for a name of its own.
 *
 * @param trustProxy addresses and CIDRs, as in the setting.
 */
export function isLocalTo(trustProxy: readonly string[]): IsLocal {
  const isProxy = matcherOf(trustProxy);
  return ({ raw, headers }) => {
    const { remoteAddress: peer } = raw.socket;
    return (
      peer !== undefined &&
      isLoopback(peer) &&
      !isProxy(peer) &&
      raw.httpVersion !== '1.0' &&
      localHost.test(headers.host ?? '') &&
      !Object.keys(headers).some((name) => proxyHeader.test(name))
    );
  };
}
