import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { countUnsent } from './backpressure.ts';

/** To the letter as it is documented; JSON has no parameter for a charset (RFC 8259, 11). */
export const jsonType = 'application/json';

/** Answers with JSON that is written already, as the schema of the route says. */
export function sendJson(reply: FastifyReply, body: Buffer): void {
  countUnsent(reply, body.length);
  reply.type(jsonType).send(body);
}

/** Does the same for what the framework writes as JSON, to which it would add a charset. */
export const sending = fp(
  async (app: FastifyInstance) => {
    app.addHook('preSerialization', (_, reply, payload, done) => {
      countUnsent(reply, Number.POSITIVE_INFINITY);
      reply.type(jsonType);
      done(null, payload);
    });
  },
  { name: 'sending', dependencies: ['backpressure'] },
);
