import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { placeOf } from './address.ts';
import { type OwnerKey, Unsent } from './unsent.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts the bytes that readers have not taken yet. */
    readonly unsent: Unsent;
  }
}

/** Answers of up to this many bytes are not counted: the socket's buffer takes them whole. */
const small = 16 * 1024;

/**
 * Bounds the unsent bytes in memory, for each user and in total; see `Unsent`. Files are not
 * counted: they are in memory once for all readers. An `onSend` hook would not know how much the
 * system takes.
 */
export const backpressure = fp(
  async (app: FastifyInstance) => {
    app.decorate('unsent', new Unsent());
  },
  { name: 'backpressure', dependencies: ['authentication'] },
);

/**
 * Counts an answer that is sent in this turn of the event loop, as far as its reader has not taken
 * it.
 *
 * @param bytes the length of the answer if known; Infinity otherwise.
 */
export function countUnsent(reply: FastifyReply, bytes: number): void {
  if (bytes > small) setImmediate(count, reply);
}

function count({ request, raw, server }: FastifyReply): void {
  const bytes = raw.writableLength;
  if (bytes === 0 || raw.destroyed) return;
  const counter = server.unsent.open(ownerOf(request), () => raw.destroy());
  raw.on('close', () => counter.close());
  counter.set(bytes);
}

/** The user or place that a request's unsent bytes are counted for. */
function ownerOf({ session, ip }: FastifyRequest): OwnerKey {
  return session?.userId ?? placeOf(ip);
}
