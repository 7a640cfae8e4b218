/** One handler answers every failure, wherever it was refused. */
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

/** Refusals of the framework and its parsers, by the framework's code. */
const frameworkCodes: Record<string, RefusalCode> = {
  FST_ERR_BAD_URL: 'bad_url',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'body_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'bad_body',
  FST_ERR_CTP_INVALID_JSON_BODY: 'bad_body',
};

/** Refusals of Node's HTTP parser, which happen before there is a request, by the parser's code. */
const parserCodes: Record<string, RefusalCode> = {
  HPE_INVALID_URL: 'bad_url',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'too_slow',
};

/** A value does not fit its schema; the message is the first sentence that the schema has. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput';
}

/** Fastify's schemaErrorFormatter; needs Ajv's `verbose`, which names the schema that failed. */
export function invalidInput(errors: FastifySchemaValidationError[]): InvalidInput | Refusal {
  // A body that is no object has no fields that a sentence could be about.
  const isObject = errors.every(({ keyword, instancePath }) => keyword !== 'type' || instancePath);
  const [sentence] = errors.flatMap((error) => sentenceOf(error as Violation) ?? []);
  return isObject && sentence !== undefined ? new InvalidInput(sentence) : new Refusal('bad_body');
}

interface SchemaWithMessage {
  readonly 'x-error'?: string;
  readonly properties?: Record<string, SchemaWithMessage>;
}

interface Violation extends FastifySchemaValidationError {
  readonly parentSchema?: SchemaWithMessage;
}

function sentenceOf({ parentSchema, params }: Violation): string | undefined {
  const missing = parentSchema?.properties?.[String(params.missingProperty)];
  return missing?.['x-error'] ?? parentSchema?.['x-error'];
}

/** Answers an error with its status and its sentence; unexpected errors are only logged. */
export function answerFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { code, status, sentence, wait } = describe(error);
  if (status === 500) request.log.error({ err: error }, 'request failed');
  // A Buffer needs no serialiser, which Fastify would make for every route.
  const body = Buffer.from(JSON.stringify({ error: sentence }));
  // RFC 9110, 10.2.3: in whole seconds, at least 1.
  if (wait !== undefined) reply.header('retry-after', Math.max(1, Math.ceil(wait / 1000)));
  reply.header('error-code', code);
  reply.code(status).type(jsonType).send(body);
}

/** Answers an address that the router cannot read; such a request meets no hook and no log. */
export function answerUnreadable(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  answerFailure(error, request, reply.headers(headersFor(request)));
  request.log.info({ ...describeRequest(request), status: reply.statusCode }, 'request');
}

/** The default wait before a retry after 503, in ms. */
const retryDelay = 3_000;

interface Described {
  /** Names the refusal for programs, in the header `Error-Code`; the sentence is for people. */
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
  const wait = refusal.wait ?? (status === 503 ? jitter(retryDelay) : undefined);
  return { code, status, sentence, wait };
}

function translate({ code, statusCode }: FastifyError): Refusal {
  const frameworkCode = frameworkCodes[code];
  if (frameworkCode !== undefined) return new Refusal(frameworkCode);
  const isClientError = statusCode !== undefined && statusCode >= 400 && statusCode < 500;
  return new Refusal(isClientError ? 'bad_request' : 'internal');
}

/** Answers a connection whose bytes are no HTTP request; Node would answer with an empty body. */
export function answerClientError(
  this: FastifyInstance,
  error: NodeJS.ErrnoException,
  socket: Socket,
): void {
  // A connection without a request needs no answer: browsers open spare connections.
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesRead === 0) {
    socket.destroy();
    return;
  }
  const { code, status, message } = new Refusal(parserCodes[error.code ?? ''] ?? 'bad_request');
  // Only the error's code is logged: the error itself holds the bytes that were sent.
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
