/** Texts that the server generates and serves like files. */
import { hash } from 'node:crypto';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Encoding, Servable } from './files.ts';

/** A text that is generated at the first request and cached. */
export function generatedFile(type: string, write: () => string): Servable {
  const bytes = once(() => Buffer.from(write()));
  const tag = once(() => hash('sha256', bytes(), 'base64url').slice(0, 22));
  return {
    type,
    encodings: ['identity'],
    bytes,
    get tag() {
      return tag();
    },
  };
}

/** Adds compressed copies, each made once, at the first request that accepts it. */
export function compressed(plain: Servable): Servable {
  const params = { [constants.BROTLI_PARAM_QUALITY]: quality };
  const copies = {
    br: once(() => brotliCompressSync(plain.bytes('identity'), { params })),
    gzip: once(() => gzipSync(plain.bytes('identity'))),
    identity: () => plain.bytes('identity'),
  };
  return {
    type: plain.type,
    encodings: Object.keys(copies) as Encoding[],
    bytes: (encoding) => copies[encoding](),
    get tag() {
      return plain.tag;
    },
  };
}

/** Brotli's level: good enough, and fast enough for something compressed while others wait. */
const quality = 5;

/** Makes a value at the first call. */
export function once<Value>(make: () => Value): () => Value {
  let value: Value | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
