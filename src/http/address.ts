import { isIPv4, isIPv6 } from 'node:net';

/**
 * The place that a request comes from, as it is counted. One customer of a network has a whole /64
 * of IPv6 and changes within it at will, so that counts as one.
 *
 * @param ip as the socket or a trusted proxy has it; what is no address is one place for all.
 */
export function placeOf(ip: string): string {
  if (isIPv4(ip)) return ip;
  if (!isIPv6(ip)) return 'elsewhere';
  // A URL's host is in canonical form (RFC 5952); a zone such as %eth0 does not belong there.
  const address = new URL(`http://[${ip.replace(/%.*/, '')}]`).hostname.slice(1, -1);
  return mappedIPv4(address) ?? prefixOf(address);
}

/**
 * The networks that a request comes from, the narrowest first: its place, and for IPv6 the /56 and the
 * /48, of which one customer may have a whole one too.
 */
export function networksOf(ip: string): string[] {
  const place = placeOf(ip);
  const [, site, subnet] = /^((?:\w+:){3})(\w+)::\/64$/.exec(place) ?? [];
  if (site === undefined || subnet === undefined) return [place];
  return [place, `${site}${subnet.padStart(4, '0').slice(0, 2)}00::/56`, `${site}:/48`];
}

/**
 * The networks that take turns, the widest first. Of IPv4 that is the /24 as well, which one customer
 * may have rented; neighbours in it are strangers to each other all the same.
 */
export function turnsOf(ip: string): readonly [widest: string, ...narrower: string[]] {
  const [place = '', ...wider] = networksOf(ip);
  const [widest = place, ...narrower] = [...wider.reverse(), place];
  return isIPv4(place)
    ? [`${place.slice(0, place.lastIndexOf('.'))}.0/24`, place]
    : [widest, ...narrower];
}

/** How a socket that takes both kinds shows an IPv4 address; see RFC 4291, 2.5.5.2. */
function mappedIPv4(address: string): string | undefined {
  const [, high, low] = /^::ffff:(\w+):(\w+)$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return undefined;
  return Buffer.from(high.padStart(4, '0') + low.padStart(4, '0'), 'hex').join('.');
}

/** The first four of eight groups. */
function prefixOf(address: string): string {
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':'));
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  const groups = [...head, ...zeros, ...tail].map((group) => group || '0');
  return `${groups.slice(0, 4).join(':')}::/64`;
}
