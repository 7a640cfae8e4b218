/** Whether a request comes from the server's own machine, not through a proxy there. */
import type { FastifyRequest } from 'fastify';
import { isLoopback, matcherOf } from './networks.ts';

/** The headers that proxies add to the requests that they pass on. */
const proxyHeader =
  /^(x-forwarded(-.*)?|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-.*|forwarded|via)$/;

/** How a browser or curl names the machine that it runs on. */
const localHost = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** Whether a request is local; created once for the configured proxies. */
export type IsLocal = (request: FastifyRequest) => boolean;

/**
 * A proxy on this machine passes on the requests of strangers. A request is therefore local only if
 * its peer is this machine, the peer is no trusted proxy, no header is a proxy's, its host is a
 * local name, and it uses HTTP/1.1: nginx without further settings speaks 1.0, and a page that uses
 * DNS rebinding asks for a name of its own.
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
