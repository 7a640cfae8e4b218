import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';

/** The length of the longest IPv6 address as text. */
const addressLength = 45;

/**
 * One line for each request, after its answer: what was requested and how it went. It holds the
 * route rather than the URL, because a URL may hold secrets (an invite's code, a search). Cookies,
 * headers and bodies are not logged either.
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
    if (error) request.log.warn({ ...line, err: error }, 'request aborted');
    else request.log.info(line, 'request');
  }
}

/** The loggable facts about a request; also pino's serializer for it. */
export function describeRequest(request: FastifyRequest) {
  return {
    method: request.method,
    route: request.routeOptions?.url,
    user: request.session?.userId,
    // Unset once the connection is gone. A proxy may pass on something that is no address.
    address: request.ip?.slice(0, addressLength),
  };
}
