/** Whether a request comes from the machine that the server runs on, and from nowhere behind it. */
import { BlockList, isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** What proxies add to the requests that they pass on. */
const proxyHeader =
  /^(x-forwarded(-.*)?|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-.*|forwarded|via)$/;

/** How a browser or curl names this machine when it runs on it. */
const localHost = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

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
  const proxies = listOf(trustProxy);
  return ({ raw, headers }) => {
    const peer = raw.socket.remoteAddress ?? '';
    return (
      isIn(loopback, peer) &&
      !isIn(proxies, peer) &&
      raw.httpVersion !== '1.0' &&
      localHost.test(headers.host ?? '') &&
      !Object.keys(headers).some((name) => proxyHeader.test(name))
    );
  };
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = familyOf(address);
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  // A socket that takes both kinds shows IPv4 so: RFC 4291, 2.5.5.2.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return plain !== '' && list.check(plain, familyOf(plain));
}

const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');
