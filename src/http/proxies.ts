import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { matcherOf } from './networks.ts';

interface Options {
  /** Addresses and CIDRs. */
  readonly trustProxy: readonly string[];
}

/**
 * Warns once when a trusted proxy does not say which client it asks for. Such a proxy passes on
 * what clients claim about themselves, so that they can evade the limits by address.
 */
export const proxies = fp<Options>(
  async (app: FastifyInstance, { trustProxy }: Options) => {
    if (trustProxy.length === 0) return;
    const isTrusted = matcherOf(trustProxy);
    let isWarned = false;
    app.addCheck((request) => {
      const { remoteAddress: address } = request.raw.socket;
      const isSaid = isWarned || request.headers['x-forwarded-for'] !== undefined;
      if (!isSaid && address !== undefined && isTrusted(address) && !isMonitor(request)) {
        isWarned = true;
        request.log.warn({ address }, warning);
      }
    });
  },
  { name: 'proxies', dependencies: ['checks'] },
);

/** Monitors may ask the server directly. */
const isMonitor = ({ routeOptions }: FastifyRequest) =>
  routeOptions.config.answersWhenBusy === true;

const warning =
  'a request from an address in TRUST_PROXY has no X-Forwarded-For: unless it was made there, configure the proxy to add the header, or clients can claim any address';
