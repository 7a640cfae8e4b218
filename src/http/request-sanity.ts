import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';
import { isDecodable } from './utf8.ts';

/** The most headers; a browser behind a proxy sends some 30. */
const headerLimit = 100;

/** Refuses requests that Node would answer without explanation (`http` in app.ts) or let pass. */
export const requestSanity = fp(
  async (app: FastifyInstance) => {
    const { bodyLimit = 0 } = app.initialConfig;
    app.addCheck(({ raw }) => {
      // `rawHeaders` holds names and values in turn.
      if (raw.rawHeaders.length > 2 * headerLimit) throw new Refusal('headers_too_large');
      // RFC 9112, 3.2: a request names its host exactly once; HTTP/1.0 requests may have none.
      const hosts = countHosts(raw.rawHeaders);
      if (hosts > 1 || (hosts === 0 && raw.httpVersion === '1.1')) throw new Refusal('bad_request');
      // The router checks only the escapes of the path.
      if (!isDecodable(raw.url ?? '')) throw new Refusal('bad_url');
      // RFC 9110, 8.4: bodies are never decompressed, so there can be no decompression bomb.
      if (raw.headers['content-encoding'] !== undefined) throw new Refusal('body_type');
    });
    // RFC 9110, 10.1.1: a client that asks before sending too large a body gets no 100 Continue.
    app.server.on('checkContinue', (request, response) => {
      if (Number(request.headers['content-length'] ?? 0) <= bodyLimit) response.writeContinue();
      app.server.emit('request', request, response);
    });
    // RFC 9110, 10.1.1: expectations other than 100-continue may be ignored.
    app.server.on('checkExpectation', (request, response) => {
      app.server.emit('request', request, response);
    });
  },
  { name: 'request-sanity', dependencies: ['checks'] },
);

function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count;
}
