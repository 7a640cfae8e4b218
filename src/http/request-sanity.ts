import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';
import { isDecodable } from './utf8.ts';

/** A browser behind a proxy sends some 30. */
const headerLimit = 100;

/** What Node would answer without a word (see `http` in app.ts), or let pass. */
export const requestSanity = fp(
  async (app: FastifyInstance) => {
    const { bodyLimit = 0 } = app.initialConfig;
    app.addCheck(({ raw }) => {
      // `rawHeaders` holds names and values in turn.
      if (raw.rawHeaders.length > 2 * headerLimit) throw new Refusal('headers_too_large');
      // RFC 9112, 3.2: a request names its host once; older ones (HTTP/1.0) need not.
      const hosts = countHosts(raw.rawHeaders);
      if (hosts > 1 || (hosts === 0 && raw.httpVersion === '1.1')) throw new Refusal('bad_request');
      // The router looks at the escapes of the path only.
      if (!isDecodable(raw.url ?? '')) throw new Refusal('bad_url');
      // RFC 9110, 8.4: nothing is unpacked here, so nothing can be packed to burst.
      if (raw.headers['content-encoding'] !== undefined) throw new Refusal('body_type');
    });
    // RFC 9110, 10.1.1: who asks before sending too much is not told to go on.
    app.server.on('checkContinue', (request, response) => {
      if (Number(request.headers['content-length'] ?? 0) <= bodyLimit) response.writeContinue();
      app.server.emit('request', request, response);
    });
    // The same: what is expected besides 100-continue may be ignored.
    app.server.on('checkExpectation', (request, response) => {
      app.server.emit('request', request, response);
    });
  },
  { name: 'protocol', dependencies: ['checks'] },
);

/** How often a request names its host. */
function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count;
}
