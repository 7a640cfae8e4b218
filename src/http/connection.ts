import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { placeOf } from './address.ts';
import { isLoopback, matcherOf } from './networks.ts';

/** A request and its response. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Where a connection comes from. */
export interface Peer {
  /** Whether it comes from this machine itself. */
  readonly isLocal: boolean;
  /** Whether it comes from a trusted proxy, whose connections are shared by many people. */
  readonly isProxy: boolean;
  /** The place that the connection counts for (`placeOf`). Undefined for the two above. */
  readonly place: string | undefined;
}

let uses = 0;

/** An open connection, as pipelining and the limits on connections see it. */
export class Connection {
  readonly socket: Socket;
  readonly peer: Peer;
  /** Whether a signed-in user has sent a request over it. */
  hasSession = false;
  /** When a request last started or ended here, as a running number: a clock would cost more. */
  lastUse = 0;
  /** The response in progress; undefined while the connection is idle. */
  current: ServerResponse | undefined;
  /** Requests that arrived while another one was in progress, the oldest first. */
  waiting: Exchange[] = [];
  /** Listens for the end of each response; created once, because every request needs it. */
  onEnd: (() => void) | undefined;

  constructor(socket: Socket, peer: Peer) {
    this.socket = socket;
    this.peer = peer;
    this.touch();
  }

  /** Notes that the connection is in use now. */
  touch(): void {
    this.lastUse = ++uses;
  }
}

/**
 * Returns a function that says where a connection comes from.
 *
 * @param proxies addresses and CIDRs of the trusted proxies.
 */
export function peerReader(proxies: readonly string[]): (socket: Socket) => Peer {
  const isTrusted = matcherOf(proxies);
  return ({ remoteAddress }) => {
    // A closed connection has no address any more.
    if (remoteAddress === undefined) return { isLocal: false, isProxy: false, place: undefined };
    // A link-local address ends with its interface, such as %eth0.
    const address = remoteAddress.replace(/%.*/, '');
    const isLocal = isLoopback(address);
    const isProxy = isTrusted(address);
    const place = isLocal || isProxy ? undefined : placeOf(address);
    return { isLocal, isProxy, place };
  };
}
