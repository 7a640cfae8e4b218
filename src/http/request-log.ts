import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';

/** The longest text of an IPv6 address. */
const addressLength = 45;

/**
 * One line for each request, after its answer: what was asked for and how it went. The route, not
 * the address, is logged: an address may hold what only its reader should know (an invite's code,
 * a search). Cookies, headers and bodies are not logged either.
 */
export class RequestLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    const line = {
      ...describeRequest(request),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
    };
    if (error) request.log.warn({ ...line, err: error }, 'request cut off');
    else request.log.info(line, 'request');
  }
}

/** What may be logged of a request; pino's serializer for it as well. */
export function describeRequest(request: FastifyRequest) {
  return {
    method: request.method,
    route: request.routeOptions?.url,
    user: request.session?.userId,
    // Unset once the connection is gone. What a proxy passes on unread may be no address.
    address: request.ip?.slice(0, addressLength),
  };
}
