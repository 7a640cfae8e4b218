import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from '../db/store.ts';
import { Refusal } from '../errors.ts';
import {
  clearCredentials,
  newCredentials,
  readCredentials,
  setCredentials,
} from '../http/credentials.ts';
import { answers, Ok } from '../http/schema.ts';
import { canonicalName } from '../users/canonical.ts';
import { hashPassword, isOutdated, verifyPassword } from '../users/passwords.ts';
import { findUserByName } from '../users/queries.ts';
import { Login } from './schema.ts';
import { endSession, type NewSession, signIn } from './sessions.ts';
import { hashToken } from './tokens.ts';

export const sessionRoutes: FastifyPluginAsyncTypebox<{ db: Store }> = async (app, { db }) => {
  app.post(
    '/login',
    {
      config: { access: 'everybody' },
      schema: { summary: 'Sign in', body: Login, response: answers(200, Ok) },
    },
    async (request, reply) => {
      const { name, password } = request.body;
      const { token, session } = newCredentials(request);
      const userId = await logIn(name, password, session, readCredentials(request)?.token);
      setCredentials(reply, { userId: String(userId), token });
      reply.header('location', '/api/chats');
      return { status: 'ok' as const };
    },
  );

  app.get(
    '/logout',
    { schema: { summary: 'Sign out: end this session', response: answers(200, Ok) } },
    async (request, reply) => {
      await db.write(endSession, request.session);
      clearCredentials(reply);
      reply.header('location', '/api/login');
      return { status: 'ok' as const };
    },
  );

  /** Checks a password and starts a session; the work of hashing is done outside the database. */
  async function logIn(name: string, password: string, session: NewSession, brought?: string) {
    const user = await db.read(findUserByName, { nameKey: canonicalName(name) });
    const isRight = await verifyPassword(password, user?.passwordHash);
    if (user === undefined || !isRight) throw new Refusal('wrong_password');
    await db.write(signIn, {
      ...session,
      userId: user.id,
      verifiedHash: user.passwordHash,
      ...(isOutdated(user.passwordHash) && { newHash: await hashPassword(password) }),
      ...(brought !== undefined && { broughtToken: hashToken(brought) }),
    });
    return user.id;
  }
};
