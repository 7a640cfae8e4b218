import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Exempts the route from load shedding: for monitors, and for streams, which queue anyway. */
    answersWhenBusy?: true;
  }
}

/** How often the event loop's lag is measured, and how long a measurement counts, in ms. */
const interval = 500;

/**
 * The lag, in ms, at which refusing a request is better than letting it wait: its sender may have
 * given up. A slow card that takes half a second to sync, as in a Raspberry Pi, is no reason yet.
 */
const lagLimit = 1_000;

/**
 * Refuses new requests while the event loop is far behind, so that it catches up; requests in
 * progress and the event streams go on. @fastify/under-pressure measures the mean of the loop's
 * turns, which hides one turn of a second among many short ones.
 */
export const loadShedding = fp(
  async (app: FastifyInstance) => {
    let lag = 0;
    let due = Number.POSITIVE_INFINITY;
    let timer: NodeJS.Timeout | undefined;
    const measure = () => {
      const now = performance.now();
      lag = now - due;
      due = now + interval;
    };
    app.addHook('onListen', async () => {
      timer = setInterval(measure, interval).unref();
    });
    app.addHook('onClose', async () => clearInterval(timer));
    app.addCheck((request) => {
      if (lag <= lagLimit || request.routeOptions.config.answersWhenBusy === true) return;
      throw new Refusal('busy');
    });
  },
  { name: 'load-shedding', dependencies: ['checks'] },
);
