/** JSON goes out compressed where that is worth its time; see decision 32. */
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { acceptedOf, type Encoding } from './files.ts';
import { jsonType } from './send.ts';

/** Shorter answers fit into one packet with their headers, compressed or not. In bytes. */
const worthIt = 1024;

/** The quickest level of each: it takes as long as making the answer does. */
export const coders = {
  br: (bytes: Buffer) =>
    brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 1,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  gzip: (bytes: Buffer) => gzipSync(bytes, { level: 1 }),
};

const encodings = Object.keys(coders) as Exclude<Encoding, 'identity'>[];

type Copies = { [encoding in Encoding]?: Buffer };

/** Compresses answers in JSON from 1 KB on for clients that take it (RFC 9110, 12.5.3). */
export const compress = fp(
  async (app: FastifyInstance) => {
    /** Of answers that are kept in memory (`db.cached`), for as long as they are. */
    const kept = new WeakMap<Buffer, Copies>();
    app.addHook('onSend', (request, reply, payload, done) => {
      done(null, isWorthIt(reply, payload) ? compressed(request, reply, payload) : payload);
    });

    function compressed(request: FastifyRequest, reply: FastifyReply, payload: string | Buffer) {
      reply.header('vary', 'accept-encoding');
      const encoding = acceptedOf(request, encodings);
      if (encoding === undefined) return payload;
      reply.header('content-encoding', encoding);
      if (typeof payload === 'string') return coders[encoding](Buffer.from(payload));
      const copies = kept.get(payload) ?? {};
      kept.set(payload, copies);
      copies[encoding] ??= fitted(coders[encoding](payload));
      return copies[encoding];
    }
  },
  { name: 'compress', dependencies: ['sending'] },
);

function isWorthIt(reply: FastifyReply, payload: unknown): payload is string | Buffer {
  const isSized = typeof payload === 'string' || Buffer.isBuffer(payload);
  // What is served as a file has its own copies already.
  return (
    isSized &&
    payload.length >= worthIt &&
    reply.getHeader('content-type') === jsonType &&
    !reply.hasHeader('etag')
  );
}

/** The same bytes without the room behind them that the compressor leaves. */
function fitted(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
