/** The connections of the server: how many there may be, and how long an answer may lie unread. */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/** 10,000 readers of events, and some room. */
const most = 12_000;

/** File descriptors that are not for connections: the database, files of the client, Node's own. */
const reserved = 48;

/** It is said no more often than this, in ms, that connections are turned away. */
const silence = 60_000;

/** An answer may lie unread for so long, in ms, and twice that at the most. */
const patience = 60_000;

/** How many files and connections the process may have open; Node has raised it to the hard limit. */
const descriptorLimit = readDescriptorLimit();

export const connections = fp(
  async (app: FastifyInstance) => {
    limitNumber(app.server, app.log);
    const cutOff = watchReaders(app.server);
    let timer: NodeJS.Timeout | undefined;
    app.addHook('onListen', async () => {
      timer = setInterval(cutOff, patience).unref();
    });
    app.addHook('onClose', async () => clearInterval(timer));
  },
  { name: 'connections' },
);

/** Turns connections away while there are too many, before anything else lacks a descriptor. */
function limitNumber(server: Server, log: FastifyBaseLogger): void {
  server.maxConnections = Math.min(most, descriptorLimit - reserved);
  let toldAt = Number.NEGATIVE_INFINITY;
  const tell = () => {
    const now = performance.now();
    if (now - toldAt < silence) return;
    toldAt = now;
    log.warn({ most: server.maxConnections }, 'too many connections, new ones are turned away');
  };
  server.on('drop', tell);
  // The system as a whole may lack descriptors. Without a listener this would end the process.
  server.on('error', tell);
}

/**
 * Watches how readers take what they are sent. A timer for each answer would find the same, at a
 * cost to all of them. Event streams have a limit of their own: see events/stream.ts.
 *
 * @returns what cuts off, at each second look, who has not taken in between what lay there for them.
 */
function watchReaders(server: Server): () => void {
  const sockets = new Set<Socket>();
  function forget(this: Socket) {
    sockets.delete(this);
  }
  server.on('connection', (socket) => void sockets.add(socket.on('close', forget)));
  let behind = new Map<Socket, number>();
  return () => {
    const before = behind;
    behind = new Map();
    for (const socket of sockets) {
      const { writableLength, bytesWritten } = socket;
      // More is written only when what was written is taken; a stream's heartbeat always is.
      if (writableLength > 0 && before.get(socket) === bytesWritten) socket.destroy();
      else if (writableLength > 0) behind.set(socket, bytesWritten);
    }
  };
}

function readDescriptorLimit(): number {
  const limit = Number(linuxLimit() ?? reportedLimit());
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit;
}

/** Linux says so in a file: proc_pid_limits(5). */
function linuxLimit(): string | undefined {
  try {
    return /^Max open files +(\w+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}

/** Node knows it on every system, but looks into all that it has loaded, each time. */
function reportedLimit(): number | 'unlimited' | undefined {
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { soft: number | 'unlimited' } };
  };
  return userLimits?.open_files?.soft;
}
