import { BlockList } from 'node:net';

/** Node's isIPv6 would compile its pattern, which takes 1.5 MB; and these are known to be addresses. */
const familyOf = (address: string) => (address.includes(':') ? 'ipv6' : 'ipv4');

/**
 * Returns a function that says whether an address is in one of some networks. An IPv4 address in
 * IPv6 notation counts as IPv4 (RFC 4291, 2.5.5.2).
 *
 * @param networks addresses and CIDRs.
 */
export function matcherOf(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = familyOf(address);
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => list.check(address, familyOf(address));
}

/** Whether an address is a loopback address. */
export const isLoopback = matcherOf(['127.0.0.0/8', '::1']);
