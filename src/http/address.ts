import { isIPv4, isIPv6 } from 'node:net';

/**
 * The place that a request is counted for. One customer of a network has a whole /64 of IPv6 and
 * can change addresses within it at will, so a /64 counts as one place.
 *
 * @param ip the address as the socket or a trusted proxy gives it; all values that are not
 * addresses share one place.
 */
export function placeOf(ip: string): string {
  if (isIPv4(ip)) return ip;
  if (!isIPv6(ip)) return 'elsewhere';
  // The host of a URL is in canonical form (RFC 5952); a zone such as %eth0 is not part of it.
  const address = new URL(`http://[${ip.replace(/%.*/, '')}]`).hostname.slice(1, -1);
  return mappedIPv4(address) ?? prefixOf(address);
}

/**
 * The networks that a request comes from, the narrowest first: its place and, for IPv6, the /56 and
 * the /48, because one customer may have a whole one.
 */
export function networksOf(ip: string): string[] {
  const place = placeOf(ip);
  const [, site, subnet] = /^((?:\w+:){3})(\w+)::\/64$/.exec(place) ?? [];
  if (site === undefined || subnet === undefined) return [place];
  return [place, `${site}${subnet.padStart(4, '0').slice(0, 2)}00::/56`, `${site}:/48`];
}

/**
 * The networks that take turns, the widest first. For IPv4 these include the /24, which one
 * customer may have rented; otherwise neighbours in a /24 are strangers to each other.
 */
export function turnsOf(ip: string): readonly [widest: string, ...narrower: string[]] {
  const [place = '', ...wider] = networksOf(ip);
  const [widest = place, ...narrower] = [...wider.reverse(), place];
  return isIPv4(place)
    ? [`${place.slice(0, place.lastIndexOf('.'))}.0/24`, place]
    : [widest, ...narrower];
}

/** The IPv4 address in the form in which a dual-stack socket shows it; see RFC 4291, 2.5.5.2. */
function mappedIPv4(address: string): string | undefined {
  const [, high, low] = /^::ffff:(\w+):(\w+)$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return undefined;
  return Buffer.from(high.padStart(4, '0') + low.padStart(4, '0'), 'hex').join('.');
}

/** The first 4 of the 8 groups, as a /64. */
function prefixOf(address: string): string {
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':'));
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  const groups = [...head, ...zeros, ...tail].map((group) => group || '0');
  return `${groups.slice(0, 4).join(':')}::/64`;
}
