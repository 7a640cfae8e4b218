import type { FastifyReply } from 'fastify';
import { countUnsent } from './backpressure.ts';

/** Answers with JSON that is written already, as the schema of the route says. */
export function sendJson(reply: FastifyReply, body: Buffer): void {
  countUnsent(reply, body.length);
  reply.type('application/json; charset=utf-8').send(body);
}
