/**
 * The files that the server serves, from memory. The build has packed them, compressed, into one
 * file (build/packing.ts). The pack stays open, so that a request needs no file descriptor and a
 * new build does not affect a running server. Each copy is read when it is first requested.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** A content coding of RFC 9110, 8.4.1. */
export type Encoding = 'br' | 'gzip' | 'identity';

/** The build's record of a file. */
export interface ManifestEntry {
  /** Its media type. */
  readonly type: string;
  /** A hash of its contents. */
  readonly tag: string;
  /** Where its copies are in the pack, and their lengths, in bytes; the smallest copy first. */
  readonly ranges: { [encoding in Encoding]?: readonly [at: number, length: number] };
}

export type Manifest = Readonly<Record<string, ManifestEntry>>;

/** A file to serve. */
export interface Servable {
  readonly type: string;
  /** Identifies the contents: it changes when they do. */
  readonly tag: string;
  /** The available encodings, the best first; `identity` is always among them. */
  readonly encodings: readonly Encoding[];
  bytes(encoding: Encoding): Buffer;
}

export class Files {
  readonly #manifest: Manifest;
  readonly #pack: number | undefined;
  readonly #servables = new Map<string, Servable>();

  constructor(manifest: Manifest, pack: number | undefined) {
    this.#manifest = manifest;
    this.#pack = pack;
  }

  /** Opens the output of the build in dist/; without a build there are no files. */
  static open(): Files {
    try {
      const manifest: Manifest = JSON.parse(readFileSync(built('files.json'), 'utf8'));
      return new Files(manifest, openSync(built('files.pack'), 'r'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Files({}, undefined);
      throw error;
    }
  }

  /** The file with this name, looked up in the manifest only: no name ever becomes a path. */
  find(name: string): Servable | undefined {
    const cached = this.#servables.get(name);
    if (cached !== undefined || !Object.hasOwn(this.#manifest, name)) return cached;
    const file = this.#serve(this.#manifest[name] as ManifestEntry);
    this.#servables.set(name, file);
    return file;
  }

  close(): void {
    if (this.#pack !== undefined) closeSync(this.#pack);
  }

  #serve({ type, tag, ranges }: ManifestEntry): Servable {
    const copies = new Map<Encoding, Buffer>();
    const bytes = (encoding: Encoding) => {
      const copy = copies.get(encoding) ?? this.#read(ranges[encoding] ?? [0, 0]);
      copies.set(encoding, copy);
      return copy;
    };
    return { type, tag, encodings: Object.keys(ranges) as Encoding[], bytes };
  }

  #read([at, length]: readonly [at: number, length: number]): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length);
    if (this.#pack !== undefined) readSync(this.#pack, bytes, 0, length, at);
    return bytes;
  }
}

function built(file: string): string {
  return fileURLToPath(import.meta.resolve(`#built/${file}`));
}

/** A file with a hash in its name never changes. */
export const forEver = 'public, max-age=31536000, immutable';

/** The client caches the file, and checks each time whether it has changed. */
export const ifUnchanged = 'no-cache';

/**
 * Answers with a file in the best encoding that the client accepts, or with 304 if the client
 * already has it (RFC 9110, 12.5.3 and 13.1.2).
 */
export function serve(
  { headers }: Pick<FastifyRequest, 'headers'>,
  reply: FastifyReply,
  { type, tag, encodings, bytes }: Servable,
  cacheControl: string,
): void {
  const encoding = acceptedOf({ headers }, encodings) ?? 'identity';
  // Each copy has a tag of its own: a strong one identifies bytes.
  const etag = encoding === 'identity' ? `"${tag}"` : `"${tag}.${encoding}"`;
  reply.header('cache-control', cacheControl).header('etag', etag);
  if (encodings.length > 1) reply.header('vary', 'accept-encoding');
  if (matchesTag(headers['if-none-match'], etag)) {
    reply.code(304).send();
    return;
  }
  if (encoding !== 'identity') reply.header('content-encoding', encoding);
  reply.type(type).send(bytes(encoding));
}

/** The first of these encodings that a client accepts, if any. */
export function acceptedOf<One extends Encoding>(
  { headers }: Pick<FastifyRequest, 'headers'>,
  encodings: readonly One[],
): One | undefined {
  return encodings.find((one) => accepts(headers['accept-encoding'], one));
}

/** Whether a client accepts an encoding; a weight of 0 means that it does not. */
function accepts(accepted = '', encoding: Encoding): boolean {
  if (encoding === 'identity') return true;
  if (accepted === '') return false;
  return accepted.split(',').some((part) => {
    const [name, ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    return name === encoding && !parameters.some((text) => /^q=0(\.0*)?$/.test(text));
  });
}

/** Whether the client's tags include this one. Weak tags count here like strong ones. */
function matchesTag(tags: string | undefined, etag: string): boolean {
  if (tags === undefined) return false;
  return tags.split(',').some((part) => ['*', etag, `W/${etag}`].includes(part.trim()));
}
