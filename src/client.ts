/** The client for the browser, as built. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EmailAudience, RegistrationMode } from './accounts/accounts.ts';
import type { Store } from './db/store.ts';
import { Refusal } from './errors.ts';
import { type Files, forEver, ifUnchanged, type Servable, serve } from './http/files.ts';
import { generatedFile } from './http/generated-files.ts';
import type { IsLocal } from './http/is-local.ts';
import { Anything, AssetParams, answers } from './http/schema.ts';
import { isSetUp } from './server/setup.ts';

/** Files with fixed names, which browsers and crawlers request. */
const fixed = [
  ...['favicon.ico', 'icon.svg', 'icon-192.png', 'icon-512.png'],
  ...['manifest.webmanifest', 'robots.txt', 'sw.js'],
];

/** Allows only what this server serves: no inline script or style, no other host, no framing. */
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

interface Options {
  readonly db: Store;
  readonly files: Files;
  readonly registration: RegistrationMode;
  readonly emails: EmailAudience;
  readonly isLocal: IsLocal;
}

export const webRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { db, files, registration, emails, isLocal },
) => {
  const fresh = makePage('yes');
  const used = makePage('no');

  app.get('/', openTo('The client for the browser'), async (request, reply) => {
    // Strangers do not learn this: it would invite them to become the first user.
    const isFresh = isLocal(request) && !(await db.read(isSetUp, {}));
    reply.header('content-security-policy', policy);
    serve(request, reply, isFresh ? fresh : used, ifUnchanged);
    return reply;
  });

  for (const name of fixed) {
    app.get(`/${name}`, openTo('A part of the client'), async (request, reply) => {
      // A service worker fetches by its own policy, not by that of the page.
      if (name === 'sw.js') reply.header('content-security-policy', policy);
      return send(name, request, reply, ifUnchanged);
    });
  }

  const assets = openTo('A part of the client, named by its contents');
  const schema = { ...assets.schema, params: AssetParams };
  app.get('/assets/:file', { ...assets, schema }, async (request, reply) =>
    send(`assets/${request.params.file}`, request, reply, forEver, 'no_route'),
  );

  function send(
    name: string,
    request: FastifyRequest,
    reply: FastifyReply,
    cacheControl: string,
    missing: 'no_client' | 'no_route' = 'no_client',
  ): FastifyReply {
    serve(request, reply, find(name, missing), cacheControl);
    return reply;
  }

  /** The page, for this machine before anybody has registered (`yes`), or for everybody else. */
  function makePage(isFresh: 'yes' | 'no'): Servable {
    return generatedFile('text/html; charset=utf-8', () =>
      find('index.html', 'no_client')
        .bytes('identity')
        .toString()
        .replace('data-registration="open"', `data-registration="${registration}"`)
        .replace('data-emails="everybody"', `data-emails="${emails}"`)
        .replace('data-fresh="no"', `data-fresh="${isFresh}"`),
    );
  }

  function find(name: string, missing: 'no_client' | 'no_route'): Servable {
    const file = files.find(name);
    if (file === undefined) throw new Refusal(missing);
    return file;
  }
};

/** Identifies the build of the client: different contents have a different name. */
export function buildOf(files: Files): string {
  const page = files.find('index.html')?.bytes('identity').toString() ?? '';
  return /data-build="(\w+)"/.exec(page)?.[1] ?? '';
}

/** Everybody may have it, signed in or not. */
const openTo = (summary: string) => ({
  config: { public: true, refuses: ['no_client', 'no_route'] } as const,
  schema: { summary, hide: true, response: answers(200, Anything) },
});
