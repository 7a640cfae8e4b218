import type { RequestListener } from 'node:http';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** At most one request to all such routes together starts in each turn of the event loop. */
    admission?: 'one-per-turn';
  }
}

/** While connections arrive in every turn, a request starts in one turn of this many. */
const patience = 8;

/**
 * Admits one request in each turn of the event loop, in order of arrival. A turn in which a
 * connection arrived admits none, for a limited time: Node accepts one connection in a turn, so a
 * client behind thousands of others waits for as many turns.
 */
export class Admission {
  readonly #waiting: (() => void)[] = [];
  #isRunning = false;
  #hasArrived = false;
  #passed = 0;

  /** Notes that a connection has arrived in this turn. */
  noteArrival(): void {
    this.#hasArrived = true;
  }

  /** Calls `start` now if no request has started in this turn and none waits; otherwise later. */
  take(start: () => void): void {
    if (this.#isRunning) {
      this.#waiting.push(start);
      return;
    }
    this.#isRunning = true;
    setImmediate(this.#run);
    start();
  }

  readonly #run = (): void => {
    const isHeld = this.#hasArrived && this.#passed < patience - 1;
    this.#hasArrived = false;
    if (isHeld) {
      this.#passed += 1;
      setImmediate(this.#run);
      return;
    }
    this.#passed = 0;
    const start = this.#waiting.shift();
    this.#isRunning = start !== undefined;
    if (start === undefined) return;
    setImmediate(this.#run);
    start();
  };
}

/**
 * Admits the requests of some routes gradually, by `config.admission`. After a restart all event
 * streams come back at once: 500 starts in one turn of the event loop held up everybody else for
 * half a second. The plugin sits between Node's server and Fastify, so that a waiting request has
 * cost little.
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
    server.on('connection', () => all.noteArrival());
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
