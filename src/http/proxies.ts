import { BlockList, isIPv6 } from 'node:net';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

interface Options {
  /** Addresses and CIDRs. */
  readonly trustProxy: readonly string[];
}

/**
 * Warns once when a trusted proxy does not say for whom it asks. It then passes on what clients claim
 * about themselves, so that the limits by address can be evaded.
 */
export const proxies = fp<Options>(
  async (app: FastifyInstance, { trustProxy }: Options) => {
    if (trustProxy.length === 0) return;
    const trusted = listOf(trustProxy);
    let isWarned = false;
    app.addHook('onRequest', ({ raw, log, routeOptions }, _, done) => {
      // What watches over the server may ask it directly.
      const isWatcher = routeOptions.config.answersWhenBusy === true;
      const isSaid = isWarned || isWatcher || raw.headers['x-forwarded-for'] !== undefined;
      const { remoteAddress: address } = raw.socket;
      if (!isSaid && address !== undefined && isIn(trusted, address)) {
        isWarned = true;
        log.warn({ address }, warning);
      }
      done();
    });
  },
  { name: 'proxies' },
);

const warning =
  'a request from an address in TRUST_PROXY has no X-Forwarded-For: unless it was made there, configure the proxy to add one, or clients can claim any address';

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

const isIn = (list: BlockList, address: string) => list.check(address, familyOf(address));

const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');
