/** Packs the files that the server serves, uncompressed and compressed: see decision 20. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Encoding, Manifest, ManifestEntry } from '../src/http/files.ts';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
};

/** A compressed copy is dropped if it saves less than this share of the file. */
const worthwhile = 0.1;

/** The files of a folder and its subfolders, by relative path. */
export async function filesIn(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const files = paths.map(async (path) => [nameIn(folder, path), await readFile(path)] as const);
  return new Map(await Promise.all(files));
}

const nameIn = (folder: string, path: string) =>
  path.slice(folder.length + 1).replaceAll('\\', '/');

/**
 * Writes `pack`, which contains all copies of all files, and `manifest`, which locates each of
 * them.
 */
export async function packFiles(
  files: ReadonlyMap<string, Buffer>,
  { pack, manifest }: { pack: string; manifest: string },
): Promise<void> {
  const copies = await Promise.all(
    Array.from(files, async ([name, bytes]) => [name, await compressedCopies(bytes)] as const),
  );
  const entries: Record<string, ManifestEntry> = {};
  const parts: Buffer[] = [];
  let at = 0;
  for (const [name, byEncoding] of copies) {
    const ranges: ManifestEntry['ranges'] = {};
    for (const [encoding, bytes] of byEncoding) {
      ranges[encoding] = [at, bytes.length];
      parts.push(bytes);
      at += bytes.length;
    }
    entries[name] = { type: typeOf(name), tag: hashOf(byEncoding.get('identity')), ranges };
  }
  await writeFile(pack, Buffer.concat(parts));
  await writeFile(manifest, JSON.stringify(entries satisfies Manifest));
}

/** The smallest copy comes first, because a client gets the first one that it accepts. */
async function compressedCopies(bytes: Buffer): Promise<Map<Encoding, Buffer>> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  const level = constants.Z_BEST_COMPRESSION;
  const copies: [Encoding, Buffer][] = [
    ['br', await cachedOr(bytes, 'br', () => promisify(brotliCompress)(bytes, { params }))],
    ['gzip', await cachedOr(bytes, 'gz', () => promisify(gzip)(bytes, { level }))],
  ];
  const worthwhileCopies = copies.filter(
    ([, copy]) => copy.length < bytes.length * (1 - worthwhile),
  );
  return new Map([...worthwhileCopies, ['identity', bytes]]);
}

/** Compressing everything takes five seconds, and few files change between two builds. */
const cache = 'node_modules/.cache/snug';

/** Compresses these bytes, or takes the result of an earlier build from the cache. */
async function cachedOr(
  bytes: Buffer,
  suffix: string,
  compress: () => Promise<Buffer>,
): Promise<Buffer> {
  const path = join(cache, `${hashOf(bytes)}.${suffix}`);
  const cached = await readFile(path).catch(() => undefined);
  if (cached !== undefined) return cached;
  const compressed = await compress();
  await mkdir(cache, { recursive: true });
  // Other builds may do the same at the same time; none of them must find half a file.
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, compressed);
  await rename(draft, path);
  return compressed;
}

function typeOf(name: string): string {
  const type = types[extname(name)];
  if (type === undefined)
    throw new Error(`${name} has no known media type: add its extension to build/packing.ts`);
  return type;
}

const hashOf = (bytes: Buffer = Buffer.alloc(0)) =>
  createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
