import type { RequestListener } from 'node:http';
import type { Connection, Exchange } from './connection.ts';

/** The maximum number of requests that may wait on one connection; one more closes it. */
const queueLimit = 500;

/** The maximum on all connections together, some 20 MB; one more closes its connection. */
const totalLimit = 2_000;

/**
 * Hands on the requests of a connection one at a time, each when the system has taken the whole
 * answer to the previous one. Node itself starts all that arrive in one packet, some 500, and
 * buffers their answers until the reader takes them: one connection could fill the memory.
 *
 * While requests wait, the socket is not read, so that TCP holds the sender back. That is not
 * enough, because Node parses all that it has already read. Hence the two limits.
 */
export class Pipelining {
  readonly #serve: RequestListener;
  #waiting = 0;

  /** @param serve answers a request. */
  constructor(serve: RequestListener) {
    this.#serve = serve;
  }

  /** Serves a request now, or when the earlier ones on its connection are answered. */
  take(connection: Connection, exchange: Exchange): void {
    if (connection.current === undefined) this.#start(connection, exchange);
    else this.#enqueue(connection, exchange);
  }

  #start(connection: Connection, { request, response }: Exchange): void {
    connection.current = response;
    connection.touch();
    connection.onEnd ??= () => this.#end(connection);
    // Emitted when a response is over, whether it was sent or its connection broke.
    response.on('close', connection.onEnd);
    this.#serve(request, response);
  }

  #enqueue(connection: Connection, exchange: Exchange): void {
    const { socket, waiting } = connection;
    // Node parses what it has read even after the socket is destroyed.
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
    // After `Connection: close`, no further request is carried out (RFC 9112, 9.6).
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
