/** Compression of JSON answers where that is worth its time; see decision 32. */
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { acceptedOf, type Encoding } from './files.ts';
import { pageBytes } from './paging.ts';
import { jsonType } from './send.ts';

/** The shortest answer to compress, in bytes: shorter ones fit into one packet anyway. */
const minLength = 1024;

/** The fastest level of each: compression takes about as long as making the answer. */
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

/** Compresses JSON answers of 1 to 256 KB for clients that accept it (RFC 9110, 12.5.3). */
export const compress = fp(
  async (app: FastifyInstance) => {
    /** The compressed copies of cached answers (`db.cached`), for as long as those are cached. */
    const copiesOf = new WeakMap<Buffer, Copies>();
    app.addHook('onSend', (request, reply, payload, done) => {
      done(null, isWorthIt(reply, payload) ? compressed(request, reply, payload) : payload);
    });

    function compressed(request: FastifyRequest, reply: FastifyReply, payload: string | Buffer) {
      reply.header('vary', 'accept-encoding');
      const encoding = acceptedOf(request, encodings);
      if (encoding === undefined) return payload;
      reply.header('content-encoding', encoding);
      if (typeof payload === 'string') return coders[encoding](Buffer.from(payload));
      const copies = copiesOf.get(payload) ?? {};
      copiesOf.set(payload, copies);
      copies[encoding] ??= fitted(coders[encoding](payload));
      return copies[encoding];
    }
  },
  { name: 'compress', dependencies: ['send'] },
);

function isWorthIt(reply: FastifyReply, payload: unknown): payload is string | Buffer {
  const isSized = typeof payload === 'string' || Buffer.isBuffer(payload);
  // Files have compressed copies of their own.
  return (
    isSized &&
    payload.length >= minLength &&
    // A page takes the event loop 2 ms. Only the whole list of chats can be longer.
    payload.length <= pageBytes &&
    reply.getHeader('content-type') === jsonType &&
    !reply.hasHeader('etag')
  );
}

/** A copy without the spare room that the compressor leaves behind the bytes. */
function fitted(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
