import type { RequestListener } from 'node:http';
import type { Connection, Exchange } from './connection.ts';

/** So many requests may wait on one connection; one more ends it. */
const queueLimit = 500;

/** So many may wait on all connections together, some 20 MB; one more ends its connection. */
const totalLimit = 2_000;

/**
 * Hands the requests of a connection on one after another, each when the system has taken the whole
 * answer to the one before. Node itself starts all that arrive in one packet, some 500, and keeps
 * their answers until the reader takes them: one connection could fill the memory.
 *
 * While requests wait, the socket is not read, so that TCP holds the sender back. That alone would
 * not do: what Node has read it parses to the end. Hence the two limits.
 */
export class Pipelining {
  readonly #serve: RequestListener;
  #waiting = 0;

  /** @param serve what answers a request. */
  constructor(serve: RequestListener) {
    this.#serve = serve;
  }

  /** Serves a request now, or when those before it on its connection are answered. */
  take(connection: Connection, exchange: Exchange): void {
    if (connection.current === undefined) this.#start(connection, exchange);
    else this.#enqueue(connection, exchange);
  }

  #start(connection: Connection, { request, response }: Exchange): void {
    connection.current = response;
    connection.touch();
    connection.onEnd ??= () => this.#end(connection);
    // Emitted once a response is over, whether it was sent or its connection broke.
    response.on('close', connection.onEnd);
    this.#serve(request, response);
  }

  #enqueue(connection: Connection, exchange: Exchange): void {
    const { socket, waiting } = connection;
    // Node parses what it has read even after that.
    if (socket.destroyed) return;
    if (waiting.length >= queueLimit || this.#waiting >= totalLimit) {
      this.#clear(connection);
      socket.destroy();
      return;
    }
    this.#waiting += 1;
    waiting.push(exchange);
    socket.pause();
  }

  #end(connection: Connection): void {
    connection.current = undefined;
    connection.touch();
    const { socket, waiting } = connection;
    if (waiting.length === 0) return;
    // After `Connection: close` nothing more is carried out (RFC 9112, 9.6).
    if (socket.destroyed || socket.writableEnded) this.#clear(connection);
    const next = connection.waiting.shift();
    if (next === undefined) return;
    this.#waiting -= 1;
    if (waiting.length === 0) socket.resume();
    this.#start(connection, next);
  }

  #clear(connection: Connection): void {
    this.#waiting -= connection.waiting.length;
    connection.waiting = [];
  }
}
