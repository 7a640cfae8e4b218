/** The client for the browser, as the build has left it in dist/web. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { Store } from '../db/store.ts';
import { Refusal } from '../errors.ts';
import { findAnyUser } from '../users/queries.ts';
import type { RegistrationMode } from '../users/users.ts';

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** Nothing but what is served here: no inline script or style, no other host, no frame around it. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Files with a hash in their name never change. */
const forEver = 'public, max-age=31536000, immutable';

interface Options {
  readonly db: Store;
  readonly registration: RegistrationMode;
}

export const webRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { db, registration }) => {
  const folder = fileURLToPath(new URL('.', import.meta.resolve('#web/index.html')));

  app.get('/', openTo('The client for the browser'), async (_, reply) => {
    const page = readPage(folder);
    const isFresh = (await db.read(findAnyUser, {})) === undefined;
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', policy)
      .header('referrer-policy', 'no-referrer')
      .header('cross-origin-opener-policy', 'same-origin')
      .header('x-content-type-options', 'nosniff')
      .header('cache-control', 'no-cache');
    return page
      .replace('data-registration="open"', `data-registration="${registration}"`)
      .replace('data-fresh="no"', `data-fresh="${isFresh ? 'yes' : 'no'}"`);
  });

  for (const file of filesIn(folder)) {
    app.get(`/${file}`, openTo('A part of the client'), async ({ headers }, reply) => {
      const body = readFileSync(folder + file);
      reply
        .type(types[extname(file)] ?? 'application/octet-stream')
        .header('x-content-type-options', 'nosniff')
        .header('cache-control', file.startsWith('assets/') ? forEver : 'no-cache');
      if (!/\bbr\b/.test(headers['accept-encoding'] ?? '')) return body;
      reply.header('content-encoding', 'br').header('vary', 'accept-encoding');
      return compressed(file, body);
    });
  }
};

/** Everybody may have it, signed in or not. */
const openTo = (summary: string) => ({
  config: { access: 'everybody' } as const,
  schema: { summary, hide: true, response: { 200: Type.Any() } },
});

/** Only what is there at the start is ever served: no address is made into a path. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((file) => file.replaceAll('\\', '/'))
      .filter((file) => extname(file) in types);
  } catch {
    return [];
  }
}

function readPage(folder: string): string {
  try {
    return readFileSync(`${folder}index.html`, 'utf8');
  } catch {
    throw new Refusal('no_client');
  }
}

const byFile = new Map<string, Buffer>();

/** Compressed when it is first asked for, and then kept. */
function compressed(file: string, body: Buffer): Buffer {
  let result = byFile.get(file);
  if (result === undefined) {
    result = brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } });
    byFile.set(file, result);
  }
  return result;
}
