/** How everything that goes wrong is answered: one handler, whoever refuses. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifySchemaValidationError,
} from 'fastify';
import { Refusal, type RefusalCode } from '../errors.ts';
import { headersFor, plainHeaders } from './headers.ts';
import { jitter } from './jitter.ts';
import { describeRequest } from './request-log.ts';
import { jsonType } from './send.ts';

/** What the framework and its parsers refuse, in our words. */
const frameworkCodes: Record<string, RefusalCode> = {
  FST_ERR_BAD_URL: 'bad_url',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'body_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'bad_body',
  FST_ERR_CTP_INVALID_JSON_BODY: 'bad_body',
};

/** What Node's HTTP parser refuses before there is a request; code of the error → ours. */
const parserCodes: Record<string, RefusalCode> = {
  HPE_INVALID_URL: 'bad_url',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'too_slow',
};

/** A value that does not fit its schema: the first sentence that the schema has for it. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput';
}

/** Fastify's schemaErrorFormatter; needs Ajv's `verbose`, which names the schema that failed. */
export function invalidInput(errors: FastifySchemaValidationError[]): InvalidInput {
  for (const error of errors) {
    const sentence = sentenceOf(error as Violation);
    if (sentence !== undefined) return new InvalidInput(sentence);
  }
  return new InvalidInput(new Refusal('bad_body').message);
}

interface ToldSchema {
  readonly 'x-error'?: string;
  readonly properties?: Record<string, ToldSchema>;
}

interface Violation extends FastifySchemaValidationError {
  readonly parentSchema?: ToldSchema;
}

function sentenceOf({
  keyword,
  instancePath,
  parentSchema,
  params,
}: Violation): string | undefined {
  // No object at all: it has no fields that a sentence could be about.
  if (keyword === 'type' && instancePath === '') return new Refusal('bad_body').message;
  const missing = parentSchema?.properties?.[String(params.missingProperty)];
  return missing?.['x-error'] ?? parentSchema?.['x-error'];
}

/** Answers an error with its status and its sentence; what is not meant for people is logged. */
export function answerFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { code, status, sentence, wait } = describe(error);
  if (status === 500) request.log.error({ err: error }, 'request failed');
  // Bytes already: they need no serialiser, which Fastify would make for every route.
  const body = Buffer.from(JSON.stringify({ error: sentence }));
  // RFC 9110, 10.2.3: in whole seconds, of which one is the least to wait for.
  if (wait !== undefined) reply.header('retry-after', Math.max(1, Math.ceil(wait / 1000)));
  reply.header('error-code', code);
  reply.code(status).type(jsonType).send(body);
}

/** Answers an address that no route can be found for; such a request meets no hook, and no log. */
export function answerUnreadable(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  answerFailure(error, request, reply.headers(headersFor(request)));
  request.log.info({ ...describeRequest(request), status: reply.statusCode }, 'request');
}

/** What is refused for the moment is tried again after this, in ms, unless it says otherwise. */
const moment = 3_000;

interface Described {
  /** Names the refusal for programs, in the header `Error-Code`; its sentence is for people. */
  readonly code: RefusalCode | 'invalid_input';
  readonly status: number;
  readonly sentence: string;
  /** In ms. */
  readonly wait?: number | undefined;
}

function describe(error: unknown): Described {
  if (error instanceof InvalidInput) {
    return { code: 'invalid_input', status: 400, sentence: error.message };
  }
  const refusal = error instanceof Refusal ? error : translate(error as FastifyError);
  const { code, status, message: sentence } = refusal;
  const wait = refusal.wait ?? (status === 503 ? jitter(moment) : undefined);
  return { code, status, sentence, wait };
}

function translate({ code, statusCode }: FastifyError): Refusal {
  const known = frameworkCodes[code];
  if (known !== undefined) return new Refusal(known);
  const isTheirs = statusCode !== undefined && statusCode >= 400 && statusCode < 500;
  return new Refusal(isTheirs ? 'bad_request' : 'internal');
}

/** Answers a connection whose bytes are no request; Node would answer with an empty body. */
export function answerClientError(
  this: FastifyInstance,
  error: NodeJS.ErrnoException,
  socket: Socket,
): void {
  // Who never asked needs no answer: browsers open lines that they may want later.
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesRead === 0) {
    socket.destroy();
    return;
  }
  const { code, status, message } = new Refusal(parserCodes[error.code ?? ''] ?? 'bad_request');
  // By the error's code alone: the error itself holds what was sent.
  const line = { address: socket.remoteAddress, status, reason: error.code };
  this.log.info(line, 'request refused');
  const body = JSON.stringify({ error: message });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${parserHeaders}error-code: ${code}\r\n${lengthOf(body)}${body}`,
  );
}

const parserHeaders = Object.entries({
  ...plainHeaders,
  'content-type': jsonType,
  connection: 'close',
})
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');

const lengthOf = (body: string) => `content-length: ${Buffer.byteLength(body)}\r\n\r\n`;
