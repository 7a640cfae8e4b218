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

/** Answers up to this many bytes are not counted: the system takes them whole. */
const small = 16 * 1024;

/** Bounds what waits for readers in memory, by user and in all; see `Unsent`. */
export const backpressure = fp(
  async (app: FastifyInstance) => {
    const unsent = new Unsent();
    app.decorate('unsent', unsent);
    app.addHook('onRequest', (request, _, done) => {
      const connection = request.session && app.connections.find(request.raw.socket);
      if (connection !== undefined) connection.hasSession = true;
      done();
    });
    app.addHook('onSend', (request, reply, payload, done) => {
      const bytes = sizeOf(payload);
      if (bytes > small) count(unsent, request, reply, bytes);
      done();
    });
  },
  { name: 'backpressure', dependencies: ['connections', 'sign-in'] },
);

/** Who a request's unsent bytes are counted for. */
export function ownerOf({ session, ip }: FastifyRequest): OwnerKey {
  return session?.userId ?? placeOf(ip);
}

/** What is streamed is not in memory as a whole. */
function sizeOf(payload: unknown): number {
  return typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : 0;
}

function count(unsent: Unsent, request: FastifyRequest, { raw }: FastifyReply, bytes: number) {
  const counter = unsent.open(ownerOf(request), () => raw.destroy());
  raw.on('close', () => counter.close());
  counter.set(bytes);
}
