import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Store } from '../db/store.ts';
import { Refusal, type RefusalCode } from '../errors.ts';
import { placeOf } from '../http/address.ts';
import { noteForeignCookies } from '../http/audit.ts';
import { type Credentials, readCredentials } from './session-cookies.ts';
import { type LiveSession, sessionOfToken, touchSession } from './sessions.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route: everybody, or (the default) only who is signed in. */
    public?: true;
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
export const authentication = fp<Options>(
  async (app: FastifyInstance, { db, clock, publicUrl }: Options) => {
    const isPublicUrlSecure = publicUrl?.protocol === 'https:';
    app.decorateRequest('session');
    app.decorateRequest('isSecure', {
      getter(this: FastifyRequest) {
        return this.protocol === 'https' || isPublicUrlSecure;
      },
    });
    // Before the body is read: who is not signed in cannot make the server work. Not async: most
    // sessions are kept in memory, and a promise costs a turn.
    app.addHook('onRequest', (request, _, done) => {
      if (request.is404 || request.routeOptions.config.public === true) return done();
      const admit = (session: LiveSession | undefined) => {
        if (session === undefined) throw new Refusal('signed_out');
        request.session = session;
        app.connections.noteSession(request.raw.socket);
        if (session.dueAt <= clock()) noteUse(request, session);
      };
      const found = provenSession(request, { db, now: clock() });
      if (found instanceof Promise) return void found.then(admit).then(() => done(), done);
      admit(found);
      done();
    });

    /** Beside the request, which does not wait for it. */
    function noteUse({ ip, log, cookies }: FastifyRequest, session: LiveSession): void {
      const { token = '' } = cookies;
      const { id, userId } = session;
      db.write(touchSession, { id, userId, network: placeOf(ip) })
        .then(() => db.evict(sessionOfToken, { token }))
        .catch((error: unknown) => log.warn({ err: error }, 'last seen not written'));
    }
  },
  { name: 'authentication', dependencies: ['@fastify/cookie', 'connections'] },
);

/** The session that a request proves by its cookies, if it lives. */
export function provenSession(
  request: FastifyRequest,
  { db, now }: { db: Store; now: number },
): LiveSession | undefined | Promise<LiveSession | undefined> {
  const credentials = readCredentials(request);
  if (credentials === undefined) return undefined;
  const judge = (session: LiveSession | undefined) =>
    session !== undefined && now < session.endsAt && isTheirs(request, session, credentials)
      ? session
      : undefined;
  const found = db.cached(sessionOfToken, { token: credentials.token });
  return found instanceof Promise ? found.then(judge) : judge(found);
}

/** As text: "01" or "1e0" is a forgery, not another way to write 1. */
function isTheirs(request: FastifyRequest, session: LiveSession, { userId }: Credentials): boolean {
  if (String(session.userId) === userId) return true;
  noteForeignCookies(request, session.userId, userId);
  return false;
}
