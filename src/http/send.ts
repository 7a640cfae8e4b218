import type { FastifyReply } from 'fastify';

/** Answers with JSON that is written already, as the schema of the route says. */
export function sendJson(reply: FastifyReply, body: Buffer): void {
  reply.type('application/json; charset=utf-8').send(body);
}
