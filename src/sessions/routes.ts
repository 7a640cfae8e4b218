import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import type { Store } from '../db/store.ts';
import { Refusal } from '../errors.ts';
import { nextLink } from '../http/paging.ts';
import { answers, beyondIds, isoTime, Ok, ok, TimePage } from '../http/schema.ts';
import type { WideLimits } from '../http/wide-limits.ts';
import type { Quotas } from '../server/quotas.ts';
import { canonicalName } from '../users/canonical.ts';
import { hashPassword, isOutdated, verifyPassword } from '../users/passwords.ts';
import { provenSession } from './authentication.ts';
import type { LoginThrottle } from './login-throttle.ts';
import { readSigner } from './networks.ts';
import { waiterOf } from './password-waiter.ts';
import { Login, SessionAnswer, SessionList, SessionQuery } from './schema.ts';
import { clearCredentials, newCredentials, setCredentials } from './session-cookies.ts';
import {
  endOwnSession,
  endSession,
  endSessions,
  type NewSession,
  readSession,
  readSessions,
  signIn,
} from './sessions.ts';

/** The default page size. */
const pageSize = 100;

interface Options {
  readonly db: Store;
  readonly quotas: Quotas;
  /** The time in ms since 1970. */
  readonly clock: () => number;
  readonly loginThrottle: LoginThrottle;
  readonly wideLimits: WideLimits;
}

export const sessionRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { db, quotas, clock, loginThrottle, wideLimits },
) => {
  app.post(
    '/login',
    {
      config: {
        public: true,
        limit: 'login',
        audit: 'signed_in',
        needsNoRoom: true,
        refuses: ['wrong_password', 'account_disabled', 'busy'],
      },
      schema: { summary: 'Sign in', body: Login, response: answers(200, Ok) },
    },
    async (request, reply) => {
      const { name, password } = request.body;
      const { token, session } = newCredentials(request);
      const userId = await logIn(request, name, password, session);
      setCredentials(reply, { userId: String(userId), token });
      reply.header('location', '/api/chats');
      return ok;
    },
  );

  app.get(
    '/logout',
    {
      config: { sameOrigin: true, audit: 'signed_out', refuses: [] },
      schema: { summary: 'Sign out: end this session', response: answers(200, Ok) },
    },
    async (request, reply) => {
      await db.write(endSession, request.session);
      clearCredentials(reply);
      reply.header('location', '/api/login');
      return ok;
    },
  );

  app.get(
    '/session',
    {
      config: { refuses: [] },
      schema: {
        summary: 'Show who is signed in, and in which session',
        response: answers(200, SessionAnswer),
      },
    },
    async (request) => {
      const { user, session } = await db.read(readSession, request.session);
      return { user, session: toWire(session) };
    },
  );

  app.get(
    '/sessions',
    {
      config: { refuses: [] },
      schema: {
        summary: 'List your sessions, the most recently used first; 100 by default',
        description: '`Link` with `rel="next"` points to the next page.',
        querystring: TimePage,
        response: answers(200, SessionList),
      },
    },
    async (request, reply) => {
      const { id: current, userId } = request.session;
      const limit = Number(request.query.limit ?? pageSize);
      const before = Number(request.query.before ?? beyondIds);
      const page = await db.read(readSessions, { userId, now: clock(), before, limit });
      if (page.next !== undefined) {
        reply.header('link', nextLink(request, { before: page.next, limit }));
      }
      return {
        sessions: page.items.map((session) => ({
          ...toWire(session),
          device: session.device,
          ...(session.id === current && { current: true as const }),
        })),
      };
    },
  );

  app.delete(
    '/sessions',
    {
      config: { audit: 'sessions_ended', refuses: ['no_session'] },
      schema: {
        summary: 'End one of your sessions, or all but this one',
        querystring: SessionQuery,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const { id: except, userId } = request.session;
      const { id } = request.query;
      if (id === undefined) await db.write(endSessions, { userId, except });
      else await db.write(endOwnSession, { id: Number(id), userId });
      return ok;
    },
  );

  /** Checks a password and starts a session; the hashing happens outside the database. */
  async function logIn(
    request: FastifyRequest,
    name: string,
    password: string,
    session: NewSession,
  ): Promise<number> {
    const nameKey = canonicalName(name);
    const { network } = session;
    const { user, isKnown } = await db.read(readSigner, { nameKey, network, now: clock() });
    if (user !== undefined) request.audited = { user: user.id };
    const brought = await provenSession(request, { db, now: clock() });
    const isStranger = !isKnown && (user === undefined || brought?.userId !== user.id);
    if (isStranger) wideLimits.take('login', request.ip);
    const attempt = { nameKey, userId: user?.id, session: brought, isKnown };
    const waiter = waiterOf(request, !isStranger);
    const isRight = await loginThrottle.check(request, attempt, () =>
      verifyPassword(password, user?.passwordHash, waiter),
    );
    if (user === undefined || !isRight) throw new Refusal('wrong_password');
    await db.write(signIn, {
      ...session,
      userId: user.id,
      verifiedHash: user.passwordHash,
      quota: quotas.sessions,
      ...(isOutdated(user.passwordHash) && { newHash: await hashPassword(password, waiter) }),
    });
    return user.id;
  }
};

function toWire({
  id,
  createdAt,
  lastSeenAt,
}: {
  id: number;
  createdAt: number;
  lastSeenAt: number;
}) {
  return { id, created: isoTime(createdAt), last_seen: isoTime(lastSeenAt) };
}
