import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Store } from '../db/store.ts';
import { Refusal, type RefusalCode } from '../errors.ts';
import { type LiveSession, sessionOfToken, touchSession } from '../sessions/sessions.ts';
import { hashToken } from '../sessions/tokens.ts';
import { type Credentials, readCredentials } from './credentials.ts';

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
    // Before the body is read: who is not signed in cannot make the server work. Not async: most
    // sessions are in memory, and each promise would cost a turn.
    app.addHook('onRequest', (request, _, done) => {
      if (request.is404 || request.routeOptions.config.access === 'everybody') return done();
      const credentials = readCredentials(request);
      if (credentials === undefined) throw new Refusal('signed_out');
      const input = { tokenHash: hashToken(credentials.token) };
      const admit = (session: LiveSession | undefined) => {
        request.session = accept(session, credentials);
        if (request.session.dueAt <= clock()) noteUse(request, input);
      };
      const found = db.recall(sessionOfToken, input);
      if (found instanceof Promise) return void found.then(admit).then(() => done(), done);
      admit(found);
      done();
    });

    function accept(session: LiveSession | undefined, { userId }: Credentials): LiveSession {
      const isAlive = session !== undefined && clock() < session.endsAt;
      // As text: "01" or "1e0" is a forgery, not another way to write 1.
      if (!isAlive || String(session.userId) !== userId) throw new Refusal('signed_out');
      return session;
    }

    /** Beside the request, which does not wait for it. */
    function noteUse({ session, log }: FastifyRequest, input: { tokenHash: Buffer }): void {
      db.write(touchSession, { id: session.id })
        // No event tells of it.
        .finally(() => db.forget(sessionOfToken, input))
        .catch((error: unknown) => log.warn({ err: error }, 'last seen not written'));
    }
  },
  { name: 'sign-in', dependencies: ['@fastify/cookie'] },
);
