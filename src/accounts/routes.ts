import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Store } from '../db/store.ts';
import { Refusal } from '../errors.ts';
import type { DailyQuotas } from '../http/daily.ts';
import type { IsLocal } from '../http/is-local.ts';
import { answers, Ok, ok } from '../http/schema.ts';
import type { WideLimits } from '../http/wide-limits.ts';
import type { LoginThrottle } from '../sessions/login-throttle.ts';
import { waiterOf } from '../sessions/password-waiter.ts';
import { clearCredentials, newCredentials, setCredentials } from '../sessions/session-cookies.ts';
import { checkPassword, hashPassword, verifyPassword } from '../users/passwords.ts';
import { UserParams } from '../users/schema.ts';
import { backfillSkeletons } from '../users/taken-names.ts';
import {
  changePassword,
  changeUser,
  checkEntry,
  deleteUser,
  type EmailAudience,
  type RegistrationMode,
  readUser,
  registerUser,
  requireOwnAccount,
} from './accounts.ts';
import {
  AccountDeletion,
  PasswordChange,
  Registration,
  UserAnswer,
  UserChange,
  UserQuery,
} from './schema.ts';

/** The refusals of a name. */
const nameRefusals = [
  'name_taken',
  'name_confusable',
  'name_mixed_scripts',
  'name_marks',
  'name_reserved',
] as const;

interface Options {
  readonly db: Store;
  readonly daily: DailyQuotas;
  readonly emails: EmailAudience;
  /** How long nobody else gets a name that was given up, in ms. */
  readonly nameHold: number;
  readonly registration: RegistrationMode;
  /** The time in ms since 1970. */
  readonly clock: () => number;
  readonly loginThrottle: LoginThrottle;
  readonly isLocal: IsLocal;
  readonly wideLimits: WideLimits;
}

/** The refusals of a route that may ask for the current password. */
const proofRefusals = ['password_needed', 'wrong_current_password', 'busy'] as const;

export const userRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { db, daily, emails, nameHold, registration, clock, loginThrottle, isLocal, wideLimits },
) => {
  app.post(
    '/user',
    {
      config: {
        public: true,
        limit: 'register',
        audit: 'registered',
        refuses: [
          'registration_closed',
          'setup_needed',
          'invite_needed',
          'no_invite',
          ...nameRefusals,
          'email_taken',
          'quota_accounts',
          'password_is_name',
          'password_common',
          'busy',
        ],
      },
      schema: { summary: 'Register and sign in', body: Registration, response: answers(201, Ok) },
    },
    async (request, reply) => {
      const { name, email, password, invite, setup: code } = request.body;
      const setup = { isLocal: isLocal(request), ...(code !== undefined && { code }) };
      const entry = { mode: registration, setup, ...(invite !== undefined && { invite }) };
      // Cheap checks come first: hashing is the most expensive work of the server.
      wideLimits.take('register', request.ip);
      await db.read(checkEntry, { ...entry, now: clock() });
      await checkPassword(password, { name, email });
      if (!daily.takeAccount(request.ip)) throw new Refusal('quota_accounts');
      const passwordHash = await hashPassword(password, waiterOf(request, false));
      const { token, session } = newCredentials(request);
      const user = { ...entry, name, email, passwordHash, session };
      await storeOldSkeletons();
      const { id, chatId } = await db.write(registerUser, user);
      request.audited = { user: id, ...(chatId !== undefined && { on: { chat_id: chatId } }) };
      setCredentials(reply, { userId: String(id), token });
      reply.code(201).header('location', '/api/chats');
      return ok;
    },
  );

  app.get(
    '/user',
    {
      config: { limit: 'lookup', refuses: ['no_user'] },
      schema: {
        summary: 'Look a user up by name',
        querystring: UserQuery,
        response: answers(200, UserAnswer),
      },
    },
    async (request) => lookUp(request.session.userId, { name: request.query.name }),
  );

  app.get(
    '/user/:user_id',
    {
      config: { limit: 'lookup', refuses: ['no_user'] },
      schema: {
        summary: 'Look a user up by id',
        params: UserParams,
        response: answers(200, UserAnswer),
      },
    },
    async (request) => lookUp(request.session.userId, { id: Number(request.params.user_id) }),
  );

  app.put(
    '/user',
    {
      config: {
        limit: 'profile',
        audit: 'account_changed',
        refuses: [...proofRefusals, ...nameRefusals, 'email_taken'],
      },
      schema: {
        summary: 'Change your own name, e-mail address, or both',
        body: UserChange,
        response: answers(200, Ok),
      },
    },
    async (request) => change(request, request.session.userId, request.body),
  );

  app.put(
    '/user/:user_id',
    {
      config: {
        limit: 'profile',
        audit: 'account_changed',
        refuses: ['no_user', 'other_user', ...proofRefusals, ...nameRefusals, 'email_taken'],
      },
      schema: {
        summary: 'Change your own name, e-mail address, or both',
        params: UserParams,
        body: UserChange,
        response: answers(200, Ok),
      },
    },
    async (request) => change(request, Number(request.params.user_id), request.body),
  );

  app.delete(
    '/user',
    {
      config: { limit: 'password', audit: 'account_deleted', refuses: [...proofRefusals] },
      schema: {
        summary: 'Delete your own account',
        body: AccountDeletion,
        response: answers(200, Ok),
      },
      preValidation: fillBody,
    },
    async (request, reply) =>
      remove(request, reply, request.session.userId, request.body.current_password),
  );

  app.delete(
    '/user/:user_id',
    {
      config: {
        limit: 'password',
        audit: 'account_deleted',
        refuses: ['no_user', 'other_user', ...proofRefusals],
      },
      schema: {
        summary: 'Delete your own account',
        params: UserParams,
        body: AccountDeletion,
        response: answers(200, Ok),
      },
      preValidation: fillBody,
    },
    async (request, reply) =>
      remove(request, reply, Number(request.params.user_id), request.body.current_password),
  );

  app.put(
    '/user/:user_id/password',
    {
      config: {
        limit: 'password',
        audit: 'password_changed',
        needsNoRoom: true,
        refuses: [
          'no_user',
          'other_user',
          'wrong_current_password',
          'password_is_name',
          'password_common',
          'busy',
        ],
      },
      schema: {
        summary: 'Change your own password; ends all other sessions',
        params: UserParams,
        body: PasswordChange,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const id = Number(request.params.user_id);
      const { session } = request;
      const { current_password: current, password } = request.body;
      const user = await verifyCurrent(request, id, current);
      await checkPassword(password, user);
      const passwordHash = await hashPassword(password, waiterOf(request, true));
      const change = { id, session, verifiedHash: user.passwordHash, passwordHash };
      await db.write(changePassword, change);
      return ok;
    },
  );

  async function lookUp(userId: number, by: { id: number } | { name: string }) {
    return { user: await db.read(readUser, { by, userId, emails }) };
  }

  /** Whether some names may be older than skeletons. */
  let mayLackSkeletons = true;

  /** Stores the skeletons that are missing: a new name is compared with all existing names. */
  async function storeOldSkeletons(): Promise<void> {
    while (mayLackSkeletons) mayLackSkeletons = await db.write(backfillSkeletons, {});
  }

  async function change(
    request: FastifyRequest,
    id: number,
    { current_password, ...fields }: UserChange,
  ) {
    const { name, email } = fields;
    if (name !== undefined) await storeOldSkeletons();
    await db.write(changeUser, {
      id,
      nameHold,
      ...(await prove(request, id, current_password)),
      ...(name !== undefined && { name }),
      ...(email !== undefined && { email }),
    });
    return ok;
  }

  async function remove(
    request: FastifyRequest,
    reply: FastifyReply,
    id: number,
    current?: string,
  ) {
    await db.write(deleteUser, { id, nameHold, ...(await prove(request, id, current)) });
    clearCredentials(reply);
    return ok;
  }

  /** The proof of account ownership in a request: a session, and perhaps a password. */
  async function prove(request: FastifyRequest, id: number, current: string | undefined) {
    const { session } = request;
    if (current === undefined) return { session };
    const { passwordHash: verifiedHash } = await verifyCurrent(request, id, current);
    return { session, verifiedHash };
  }

  /** Returns the caller's own account if `current` is its password; a wrong one is a guess. */
  async function verifyCurrent(request: FastifyRequest, id: number, current: string) {
    const { session } = request;
    const user = await db.read(requireOwnAccount, { id, userId: session.userId });
    const attempt = { nameKey: user.nameKey, userId: user.id, session, isKnown: false };
    const isRight = await loginThrottle.check(request, attempt, () =>
      verifyPassword(current, user.passwordHash, waiterOf(request, true)),
    );
    if (!isRight) throw new Refusal('wrong_current_password');
    return user;
  }
};

/** The body may be omitted along with its only field. */
async function fillBody(request: FastifyRequest): Promise<void> {
  request.body ??= {};
}
