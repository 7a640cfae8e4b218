import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply } from 'fastify';
import type { Store } from '../db/store.ts';
import { Refusal } from '../errors.ts';
import { clearCredentials, newCredentials, setCredentials } from '../http/credentials.ts';
import type { Guesses } from '../http/guesses.ts';
import { answers, Ok } from '../http/schema.ts';
import { noteOldNames } from './held.ts';
import { checkPassword, hashPassword, verifyPassword } from './passwords.ts';
import {
  PasswordChange,
  Registration,
  UserAnswer,
  UserChange,
  UserParams,
  UserQuery,
} from './schema.ts';
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
} from './users.ts';

/** Why somebody does not get a name. */
const nameRefusals = [
  'name_taken',
  'name_confusable',
  'name_mixed_scripts',
  'name_marks',
  'name_reserved',
] as const;

interface Options {
  readonly db: Store;
  readonly emails: EmailAudience;
  /** For how long nobody else gets a name that was given up, in ms. */
  readonly nameHold: number;
  readonly registration: RegistrationMode;
  /** The time in ms since 1970. */
  readonly clock: () => number;
  readonly guesses: Guesses;
}

export const userRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { db, emails, nameHold, registration, clock, guesses },
) => {
  app.post(
    '/user',
    {
      config: {
        access: 'everybody',
        limit: 'register',
        audit: 'registered',
        refuses: [
          'registration_closed',
          'invite_needed',
          'no_invite',
          ...nameRefusals,
          'email_taken',
          'password_is_name',
          'password_common',
          'busy',
        ],
      },
      schema: { summary: 'Register and sign in', body: Registration, response: answers(201, Ok) },
    },
    async (request, reply) => {
      const { name, email, password, invite } = request.body;
      const entry = { mode: registration, ...(invite !== undefined && { invite }) };
      // First what costs nothing: hashing is the dearest thing that the server does.
      await db.read(checkEntry, { ...entry, now: clock() });
      await checkPassword(password, { name, email });
      const passwordHash = await hashPassword(password);
      const { token, session } = newCredentials(request);
      const user = { ...entry, name, email, passwordHash, session };
      await noteAllNames();
      const id = await db.write(registerUser, user);
      guesses.noteEntry(request, id);
      request.audited = { user: id };
      setCredentials(reply, { userId: String(id), token });
      reply.code(201).header('location', '/api/chats');
      return { status: 'ok' as const };
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
      config: { limit: 'write', refuses: [...nameRefusals, 'email_taken'] },
      schema: {
        summary: 'Change one’s own name, e-mail address, or both',
        body: UserChange,
        response: answers(200, Ok),
      },
    },
    async (request) => change(request.session.userId, request.session.userId, request.body),
  );

  app.put(
    '/user/:user_id',
    {
      config: {
        limit: 'write',
        refuses: ['no_user', 'other_user', ...nameRefusals, 'email_taken'],
      },
      schema: {
        summary: 'Change one’s own name, e-mail address, or both',
        params: UserParams,
        body: UserChange,
        response: answers(200, Ok),
      },
    },
    async (request) => change(Number(request.params.user_id), request.session.userId, request.body),
  );

  app.delete(
    '/user',
    {
      config: { audit: 'account_deleted', refuses: [] },
      schema: { summary: 'Delete one’s own account', response: answers(200, Ok) },
    },
    async (request, reply) => remove(reply, request.session.userId),
  );

  app.delete(
    '/user/:user_id',
    {
      config: { audit: 'account_deleted', refuses: ['no_user', 'other_user'] },
      schema: {
        summary: 'Delete one’s own account',
        params: UserParams,
        response: answers(200, Ok),
      },
    },
    async (request, reply) => remove(reply, Number(request.params.user_id)),
  );

  app.put(
    '/user/:user_id/password',
    {
      config: {
        limit: 'password',
        audit: 'password_changed',
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
        summary: 'Change one’s own password; ends all other sessions',
        params: UserParams,
        body: PasswordChange,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const id = Number(request.params.user_id);
      const { session } = request;
      const { current_password: current, password } = request.body;
      const user = await db.read(requireOwnAccount, { id, userId: session.userId });
      const guess = { nameKey: user.nameKey, userId: user.id, session };
      const isRight = await guesses.check(request, guess, () =>
        verifyPassword(current, user.passwordHash),
      );
      if (!isRight) throw new Refusal('wrong_current_password');
      await checkPassword(password, user);
      const passwordHash = await hashPassword(password);
      const change = { id, session, verifiedHash: user.passwordHash, passwordHash };
      await db.write(changePassword, change);
      return { status: 'ok' as const };
    },
  );

  async function lookUp(userId: number, by: { id: number } | { name: string }) {
    return { user: await db.read(readUser, { by, userId, emails }) };
  }

  /** Whether names may be there from before they were compared by their looks. */
  let mayHaveOldNames = true;

  /** A new name is compared with all that are there. */
  async function noteAllNames(): Promise<void> {
    while (mayHaveOldNames) mayHaveOldNames = await db.write(noteOldNames, {});
  }

  async function change(id: number, userId: number, { name, email }: UserChange) {
    if (name !== undefined) await noteAllNames();
    await db.write(changeUser, {
      id,
      userId,
      nameHold,
      ...(name !== undefined && { name }),
      ...(email !== undefined && { email }),
    });
    return { status: 'ok' as const };
  }

  async function remove(reply: FastifyReply, id: number) {
    await db.write(deleteUser, { id, nameHold, userId: reply.request.session.userId });
    clearCredentials(reply);
    return { status: 'ok' as const };
  }
};
