import type { Socket } from 'node:net';
import { Connection, type Peer } from './connection.ts';
import { Evictor } from './evictor.ts';

export interface ConnectionLimits {
  /** The maximum number of connections in total. */
  readonly most: number;
  /** How many of them are reserved for this machine itself, so that a monitor gets through. */
  readonly reservedForLocal: number;
  /** The maximum number of connections from one address. */
  readonly share: number;
}

/** The connection closed for a new one: another one, or the new one itself. */
export type Overflow = 'evicted' | 'refused';

/** The connections from one address. */
interface Place {
  readonly connections: Set<Connection>;
  readonly evictor: Evictor;
}

/** All open connections. Beyond a limit, a new connection evicts the one that is missed least. */
export class ConnectionTable {
  readonly #limits: ConnectionLimits;
  readonly #peerOf: (socket: Socket) => Peer;
  readonly #connections = new Map<Socket, Connection>();
  readonly #places = new Map<string, Place>();
  readonly #evictor = new Evictor();

  constructor(limits: ConnectionLimits, peerOf: (socket: Socket) => Peer) {
    this.#limits = limits;
    this.#peerOf = peerOf;
  }

  get sockets(): Iterable<Socket> {
    return this.#connections.keys();
  }

  find(socket: Socket): Connection | undefined {
    return this.#connections.get(socket);
  }

  /** Notes that a signed-in user has sent a request over a connection. */
  noteSession(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection !== undefined) connection.hasSession = true;
  }

  /** Adds a connection and enforces the limits; returns what was closed, if anything. */
  add(socket: Socket): Overflow | undefined {
    const connection = new Connection(socket, this.#peerOf(socket));
    this.#connections.set(socket, connection);
    const place = this.#enter(connection);
    socket.on('close', () => this.#remove(connection));
    const isOverShare = place !== undefined && place.connections.size > this.#limits.share;
    const fromPlace = isOverShare
      ? this.#makeRoom(place.evictor, place.connections, connection)
      : undefined;
    if (this.#connections.size <= this.#limitFor(connection)) return fromPlace;
    return this.#makeRoom(this.#evictor, this.#connections.values(), connection);
  }

  #limitFor({ peer }: Connection): number {
    const { most, reservedForLocal } = this.#limits;
    return peer.isLocal ? most : most - reservedForLocal;
  }

  #enter(connection: Connection): Place | undefined {
    const { place: name } = connection.peer;
    if (name === undefined) return undefined;
    const place = this.#places.get(name) ?? { connections: new Set(), evictor: new Evictor() };
    place.connections.add(connection);
    this.#places.set(name, place);
    return place;
  }

  /** Closes the best candidate for eviction, or the new connection if there is none. */
  #makeRoom(evictor: Evictor, all: Iterable<Connection>, added: Connection): Overflow {
    const victim = evictor.next(all, added);
    const leaving = victim ?? added;
    // Its `close` event comes later, possibly after the next connection.
    this.#remove(leaving);
    leaving.socket.destroy();
    return victim === undefined ? 'refused' : 'evicted';
  }

  #remove(connection: Connection): void {
    this.#connections.delete(connection.socket);
    const { place: name = '' } = connection.peer;
    const place = this.#places.get(name);
    place?.connections.delete(connection);
    if (place?.connections.size === 0) this.#places.delete(name);
  }
}
