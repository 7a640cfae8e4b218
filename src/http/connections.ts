/** The connections of the server: how many there may be, from where, and what each may ask at once. */
import type { RequestListener } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { peerReader } from './connection.ts';
import { type ConnectionLimits, ConnectionTable, type Overflow } from './connection-table.ts';
import { readDescriptorLimit, reserved } from './descriptors.ts';
import { Pipelining } from './pipelining.ts';
import { watchReaders } from './slow-readers.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** All open connections. */
    readonly connections: ConnectionTable;
  }
}

/** 10,000 readers of events, and some room. */
const most = 12_000;

/** Connections that only this machine itself may have, so that its monitor is answered in a flood. */
const keptForLocal = 16;

/** One address may have this part of all connections. */
const share = 1 / 8;

/** The same is not logged more often than this, in ms. */
const silence = 60_000;

/** An answer may lie unread for so long, in ms, and twice that at the most. */
const patience = 60_000;

interface Options {
  /** The addresses and CIDRs of the proxies whose headers count. */
  readonly trustProxy: readonly string[];
}

export const connections = fp<Options>(
  async (app: FastifyInstance, { trustProxy }: Options) => {
    const limits = limitsFor(readDescriptorLimit());
    const table = new ConnectionTable(limits, peerReader(trustProxy));
    app.decorate('connections', table);
    limitNumber(app, limits);
    servePipelined(app);
    const cutOff = watchReaders(() => table.sockets);
    let timer: NodeJS.Timeout | undefined;
    app.addHook('onListen', async () => {
      timer = setInterval(cutOff, patience).unref();
    });
    app.addHook('onClose', async () => clearInterval(timer));
  },
  { name: 'connections' },
);

/**
 * The limits on connections of a process.
 *
 * @param descriptors how many files and connections it may have open.
 */
export function limitsFor(descriptors: number): ConnectionLimits {
  const all = Math.min(most, descriptors - reserved);
  return { most: all, keptForLocal, share: Math.floor(all * share) };
}

/** Keeps to the limits, before anything else lacks a descriptor. */
function limitNumber({ server, connections, log }: FastifyInstance, limits: ConnectionLimits) {
  // One more may arrive, and another one is closed for it.
  server.maxConnections = limits.most + 1;
  const tell = occasionally((overflow: Overflow) => tellOverflow(log, overflow, limits));
  server.on('connection', (socket) => {
    const overflow = connections.add(socket);
    if (overflow !== undefined) tell(overflow);
  });
  server.on('drop', () => tell('refused'));
  // The system as a whole may lack descriptors. Without a listener this would end the process.
  server.on('error', () => tell('refused'));
}

function tellOverflow(log: FastifyBaseLogger, overflow: Overflow, limits: ConnectionLimits): void {
  const done = overflow === 'refused' ? 'new ones are turned away' : 'idle ones are closed for new';
  log.warn(limits, `too many connections, ${done}`);
}

/** Calls a function at most once in `silence` for each value that it is given. */
function occasionally<Value>(act: (value: Value) => void): (value: Value) => void {
  const last = new Map<Value, number>();
  return (value) => {
    const now = performance.now();
    if (now - (last.get(value) ?? Number.NEGATIVE_INFINITY) < silence) return;
    last.set(value, now);
    act(value);
  };
}

/** Puts pipelining between Node's server and Fastify. */
function servePipelined({ server, connections }: FastifyInstance): void {
  const [serve] = server.listeners('request') as [RequestListener];
  const pipelining = new Pipelining(serve);
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    const connection = connections.find(request.socket);
    // One that was closed for another has requests in the packet that is being parsed.
    if (connection !== undefined) pipelining.take(connection, { request, response });
  });
}
