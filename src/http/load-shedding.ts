import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers however late everything is: to monitors, and to streams, which then wait their turn. */
    answersWhenBusy?: true;
  }
}

/** How often the event loop is looked at, and how long a lag counts, in ms. */
const interval = 500;

/**
 * So late, in ms, a request is better refused than made to wait: whoever sent it may have given up.
 * A slow card that takes half a second to sync, as a Raspberry Pi's does, is no reason yet.
 */
const lagLimit = 1_000;

/**
 * Refuses requests while the event loop is far behind, so that it catches up; what has begun, and
 * the event streams, go on. @fastify/under-pressure looks at the mean of the loop's turns, in which
 * one turn of a second among many short ones does not show.
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
  { name: 'busy', dependencies: ['checks'] },
);
