import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Store } from '../db/store.ts';
import { Refusal, type RefusalCode } from '../errors.ts';
import { type LiveSession, liveSession, touchSession } from '../sessions/sessions.ts';
import { hashToken } from '../sessions/tokens.ts';
import { noteForeignCookies } from './audit.ts';
import { readCredentials } from './credentials.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route: everybody, or (the default) only who is signed in. */
    access?: 'everybody';
    /** What the route refuses, beside what every route may refuse; for the API's description. */
    refuses?: readonly RefusalCode[];
  }
  interface FastifyRequest {
    /** Who makes the request; unset only on routes that everybody may call. */
    session: LiveSession;
    /** Whether it came over https, by the proxy's word or the server's public address. */
    readonly isSecure: boolean;
  }
}

interface Options {
  readonly db: Store;
  readonly clock: () => number;
  readonly publicUrl: URL | undefined;
}

/** Lets nobody through who has not proved who they are, unless the route says otherwise. */
export const signIn = fp<Options>(
  async (app: FastifyInstance, { db, clock, publicUrl }: Options) => {
    const isPublicUrlSecure = publicUrl?.protocol === 'https:';
    app.decorateRequest('session');
    app.decorateRequest('isSecure', {
      getter(this: FastifyRequest) {
        return this.protocol === 'https' || isPublicUrlSecure;
      },
    });
    // Before the body is read: who is not signed in cannot make the server work.
    app.addHook('onRequest', async (request) => {
      if (request.is404 || request.routeOptions.config.access === 'everybody') return;
      request.session = await authenticate(request);
    });

    async function authenticate(request: FastifyRequest): Promise<LiveSession> {
      const session = await provenSession(request, { db, now: clock() });
      if (session === undefined) throw new Refusal('signed_out');
      if (session.isDue) noteUse(request, session);
      return session;
    }

    /** Beside the request, which does not wait for it. */
    function noteUse(request: FastifyRequest, { id }: LiveSession): void {
      db.write(touchSession, { id }).catch((error: unknown) => {
        request.log.warn({ err: error }, 'last seen not written');
      });
    }
  },
  { name: 'sign-in', dependencies: ['@fastify/cookie'] },
);

/** The session that a request proves by its cookies, if it lives. */
export async function provenSession(
  request: FastifyRequest,
  { db, now }: { db: Store; now: number },
) {
  const credentials = readCredentials(request);
  if (credentials === undefined) return undefined;
  const tokenHash = hashToken(credentials.token);
  const session = await db.read(liveSession, { tokenHash, now });
  // As text: "01" or "1e0" is a forgery, not another way to write 1.
  if (session === undefined || String(session.userId) === credentials.userId) return session;
  noteForeignCookies(request, session.userId, credentials.userId);
  return undefined;
}
