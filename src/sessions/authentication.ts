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
    /** Lets everybody call the route; by default, only signed-in users may. */
    public?: true;
    /** The refusals of the route, besides those that every route has; for the API's description. */
    refuses?: readonly RefusalCode[];
  }
  interface FastifyRequest {
    /** The session of the request; unset only on public routes. */
    session: LiveSession;
    /**
     * Whether the request came over https, by the proxy's header or the server's public address.
     */
    readonly isSecure: boolean;
  }
}

interface Options {
  readonly db: Store;
  readonly clock: () => number;
  readonly publicUrl: URL | undefined;
}

/** Refuses requests without a valid session, except on public routes. */
export const authentication = fp<Options>(
  async (app: FastifyInstance, { db, clock, publicUrl }: Options) => {
    const isPublicUrlSecure = publicUrl?.protocol === 'https:';
    app.decorateRequest('session');
    app.decorateRequest('isSecure', {
      getter(this: FastifyRequest) {
        return this.protocol === 'https' || isPublicUrlSecure;
      },
    });
    // Runs before the body is read: a client that is not signed in must not cause work. The hook is
    // not async: most sessions are cached, and a promise costs a turn of the event loop.
    app.addHook('onRequest', (request, _, done) => {
      if (request.is404 || request.routeOptions.config.public === true) return done();
      const admit = (session: LiveSession | undefined) => {
        if (session === undefined) throw new Refusal('signed_out');
        request.session = session;
        app.connections.noteSession(request.raw.socket);
        if (session.dueAt <= clock()) noteUse(request, session);
      };
      const cached = provenSession(request, { db, now: clock() });
      if (cached instanceof Promise) return void cached.then(admit).then(() => done(), done);
      admit(cached);
      done();
    });

    /** Runs in the background: the request does not wait for it. */
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

/** The live session that the cookies of a request prove, if any. */
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
  const cached = db.cached(sessionOfToken, { token: credentials.token });
  return cached instanceof Promise ? cached.then(judge) : judge(cached);
}

/** Compared as text: "01" or "1e0" is a forgery, not another way to write 1. */
function isTheirs(request: FastifyRequest, session: LiveSession, { userId }: Credentials): boolean {
  if (String(session.userId) === userId) return true;
  noteForeignCookies(request, session.userId, userId);
  return false;
}
