/** Checks everything that a server sends and logs for secrets. */
import type { FastifyInstance } from 'fastify';
import { type Logger, pino } from 'pino';
import { describeRequest } from '../../src/http/request-log.ts';
import { password } from './world.ts';

/** The passwords of the tests, a hash of one, and any text as long as a token or its hash. */
const secrets = [password, 'another horse battery', /argon2/, /[\w-]{43,}/];

export interface OutputRecorder {
  readonly logger: Logger;
  listenTo(app: FastifyInstance): void;
  /** The answers, without the cookies that they set, and the lines of the log with a secret. */
  leaks(): string[];
}

export function recordOutput(): OutputRecorder {
  const said: string[] = [];
  const logger = pino(
    { level: 'trace', serializers: { req: describeRequest } },
    { write: (line: string) => void said.push(line) },
  );
  return {
    logger,
    listenTo(app) {
      app.addHook('onSend', async (request, reply, payload) => {
        // The password of the tests is the example in the description.
        if (request.url === '/openapi.json') return;
        const { 'set-cookie': _cookies, ...headers } = reply.getHeaders();
        said.push(JSON.stringify(headers), typeof payload === 'string' ? payload : '');
      });
    },
    leaks: () => {
      if (said.length === 0) throw new Error('nothing was recorded');
      return said.filter((text) => secrets.some((secret) => text.search(secret) >= 0));
    },
  };
}
