import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { countUnsent } from './backpressure.ts';

/** Exactly as documented; JSON has no charset parameter (RFC 8259, 11). */
export const jsonType = 'application/json';

/** A value as JSON. */
export type Json<Value> = string & { readonly json?: Value };

/** Answers with JSON that is already serialised according to the route's schema. */
export function sendJson(reply: FastifyReply, body: Buffer): void {
  countUnsent(reply, body.length);
  reply.type(jsonType).send(body);
}

/** Does the same for answers that the framework serialises, to which it would add a charset. */
export const sending = fp(
  async (app: FastifyInstance) => {
    app.addHook('preSerialization', (_, reply, payload, done) => {
      countUnsent(reply, Number.POSITIVE_INFINITY);
      reply.type(jsonType);
      done(null, payload);
    });
  },
  { name: 'send', dependencies: ['backpressure'] },
);
