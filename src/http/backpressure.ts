import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { placeOf } from './address.ts';
import { type OwnerKey, Unsent } from './unsent.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** What readers have not taken yet. */
    readonly unsent: Unsent;
  }
}

/** Answers up to this many bytes are not looked at: the system takes them whole. */
const small = 16 * 1024;

/**
 * Bounds what waits for readers in memory, by user and in all; see `Unsent`. Files are not counted:
 * they are in memory once for all. An `onSend` hook would not know what the system takes.
 */
export const backpressure = fp(
  async (app: FastifyInstance) => {
    app.decorate('unsent', new Unsent());
  },
  { name: 'backpressure', dependencies: ['sign-in'] },
);

/**
 * Counts an answer that is sent in this turn of the event loop, as far as its reader leaves it.
 *
 * @param bytes how long it is, if that is known.
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

/** Who a request's unsent bytes are counted for. */
function ownerOf({ session, ip }: FastifyRequest): OwnerKey {
  return session?.userId ?? placeOf(ip);
}
