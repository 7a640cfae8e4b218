/** The server's connections: how many, from where, and how many requests each may queue. */
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

/** Room for 10,000 event streams, and some more. */
const most = 12_000;

/** Connections reserved for this machine itself, so that its monitor is answered in a flood. */
const reservedForLocal = 16;

/** The share of all connections that one address may have. */
const share = 1 / 8;

/** The shortest interval between two log lines of the same kind, in ms. */
const logInterval = 60_000;

/** How long an answer may lie unread, in ms; slow readers are cut off after at most twice that. */
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
 * The connection limits of a process.
 *
 * @param descriptors how many files and connections it may have open.
 */
export function limitsFor(descriptors: number): ConnectionLimits {
  const all = Math.min(most, descriptors - reserved);
  return { most: all, reservedForLocal, share: Math.floor(all * share) };
}

/** Enforces the limits, so that nothing else runs out of descriptors. */
function limitNumber({ server, connections, log }: FastifyInstance, limits: ConnectionLimits) {
  // One extra may arrive, for which another one is closed.
  server.maxConnections = limits.most + 1;
  const report = occasionally((overflow: Overflow) => logOverflow(log, overflow, limits));
  server.on('connection', (socket) => {
    const overflow = connections.add(socket);
    if (overflow !== undefined) report(overflow);
  });
  server.on('drop', () => report('refused'));
  // The whole system may run out of descriptors. Without a listener this would end the process.
  server.on('error', () => report('refused'));
}

function logOverflow(log: FastifyBaseLogger, overflow: Overflow, limits: ConnectionLimits): void {
  const action =
    overflow === 'refused' ? 'new ones are turned away' : 'idle ones are closed to make room';
  log.warn(limits, `too many connections, ${action}`);
}

/** Calls a function at most once per `logInterval` for each value. */
function occasionally<Value>(act: (value: Value) => void): (value: Value) => void {
  const last = new Map<Value, number>();
  return (value) => {
    const now = performance.now();
    if (now - (last.get(value) ?? Number.NEGATIVE_INFINITY) < logInterval) return;
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
    // An evicted connection may still have requests in the packet that is being parsed.
    if (connection !== undefined) pipelining.take(connection, { request, response });
  });
}
