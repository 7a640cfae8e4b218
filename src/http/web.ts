/** The client for the browser, as the build has left it in dist/web. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Store } from '../db/store.ts';
import { Refusal } from '../errors.ts';
import { findAnyUser } from '../users/queries.ts';
import type { RegistrationMode } from '../users/users.ts';
import { Anything, AssetParams, answers } from './schema.ts';

/** Files whose names stay the same, because others ask for them by name. */
const fixed = ['icon.svg', 'icon-192.png', 'icon-512.png', 'manifest.webmanifest', 'sw.js'];

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
  const files = filesIn(folder);
  // Kept from their first use on: a build beside a running server changes nothing for it.
  const read = once((file) => readFileSync(folder + file));
  const compress = once((file) =>
    brotliCompressSync(read(file), { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }),
  );

  app.get('/', openTo('The client for the browser'), async (_, reply) => {
    if (!files.has('index.html')) throw new Refusal('no_client');
    const page = read('index.html').toString();
    const isFresh = (await db.read(findAnyUser, {})) === undefined;
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', policy)
      .header('cache-control', 'no-cache');
    return page
      .replace('data-registration="open"', `data-registration="${registration}"`)
      .replace('data-fresh="no"', `data-fresh="${isFresh ? 'yes' : 'no'}"`);
  });

  for (const file of fixed) {
    app.get(`/${file}`, openTo('A part of the client'), (request, reply) =>
      send(file, request, reply, 'no-cache'),
    );
  }

  const assets = openTo('A part of the client, named by its contents');
  const schema = { ...assets.schema, params: AssetParams };
  app.get('/assets/:file', { ...assets, schema }, (request, reply) => {
    const file = `assets/${request.params.file}`;
    // Only what was there at the start is ever served: no address is made into a path.
    if (!files.has(file)) throw new Refusal('no_route');
    return send(file, request, reply, forEver);
  });

  async function send(
    file: string,
    { headers }: FastifyRequest,
    reply: FastifyReply,
    keep: string,
  ) {
    if (!files.has(file)) throw new Refusal('no_client');
    reply.type(types[extname(file)] ?? 'application/octet-stream').header('cache-control', keep);
    // A worker fetches by its own policy, not by the page's.
    if (file === 'sw.js') reply.header('content-security-policy', policy);
    const isPacked = extname(file) === '.png';
    if (isPacked || !/\bbr\b/.test(headers['accept-encoding'] ?? '')) return read(file);
    reply.header('content-encoding', 'br').header('vary', 'accept-encoding');
    return compress(file);
  }
};

/** Everybody may have it, signed in or not. */
const openTo = (summary: string) => ({
  config: { access: 'everybody', refuses: ['no_client', 'no_route'] } as const,
  schema: { summary, hide: true, response: answers(200, Anything) },
});

/** The files of the client, by their names in the folder; none if it is not built. */
function filesIn(folder: string): ReadonlySet<string> {
  if (!existsSync(folder)) return new Set();
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return new Set(names.map((name) => name.replaceAll('\\', '/')));
}

/** Remembers what a function of a file's name has given. */
function once<Value>(make: (file: string) => Value): (file: string) => Value {
  const made = new Map<string, Value>();
  return (file) => {
    const value = made.get(file) ?? make(file);
    made.set(file, value);
    return value;
  };
}

/** Good enough, and quick enough for a file that is packed when it is first asked for. */
const quality = 6;
