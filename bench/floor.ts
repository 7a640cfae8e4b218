/**
 * The floor: the server as it would be if it did nothing. The same Fastify with the same options,
 * cookies, forms and log as src/app.ts and src/serve.ts, but without a database: each route has one
 * answer for everybody. Takes the path of a file with answers as its argument, and PORT.
 */
import { readFileSync } from 'node:fs';
import cookie, { type CookieSerializeOptions } from '@fastify/cookie';
import formbody from '@fastify/formbody';
import Fastify from 'fastify';
import { destination, pino } from 'pino';
import { answerClientError, answerFailure, invalidInput } from '../src/http/failures.ts';
import { describeRequest, RequestLog } from '../src/http/request-log.ts';
import type { Answer } from './answers.ts';

const bodyLimit = 64 * 1024;
const asTheyAre = { decode: (value: string) => value } as CookieSerializeOptions;
const [, , answersFile = ''] = process.argv;

const app = Fastify({
  loggerInstance: pino(
    { level: 'info', serializers: { req: describeRequest } },
    destination({ sync: false }),
  ),
  logController: new RequestLog(),
  trustProxy: [],
  bodyLimit,
  requestTimeout: 30_000,
  return503OnClosing: true,
  exposeHeadRoutes: false,
  frameworkErrors: answerFailure,
  clientErrorHandler: answerClientError,
  schemaErrorFormatter: invalidInput,
});
app.removeContentTypeParser('text/plain');
app.register(formbody, { bodyLimit });
app.register(cookie, { parseOptions: asTheyAre });

const answers: Answer[] = JSON.parse(readFileSync(answersFile, 'utf8'));
for (const { method, route, status, headers, body } of answers) {
  // A short string is sent together with its headers; a long one would be encoded each time.
  const payload = body.length < 1024 ? body : Buffer.from(body);
  app.route({
    method,
    url: route,
    handler: (_, reply) => reply.code(status).headers(headers).send(payload),
  });
}
process.once('SIGTERM', () => process.exit());
await app.listen({ port: Number(process.env.PORT) });
