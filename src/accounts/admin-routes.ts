import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from '../db/store.ts';
import { answers, isoTime, Ok, ok } from '../http/schema.ts';
import { UserParams } from '../users/schema.ts';
import { readUsers, setDisabled } from './admin.ts';
import { UserList, UserListQuery, UserState } from './admin-schema.ts';

/** The page size. */
const pageSize = 100;

export const adminRoutes: FastifyPluginAsyncTypebox<{ db: Store }> = async (app, { db }) => {
  app.get(
    '/users',
    {
      config: { refuses: ['not_admin'] },
      schema: {
        summary: 'List the users of this server, 100 at a time (admins only)',
        description: '`Link` with `rel="next"` points to the next page.',
        querystring: UserListQuery,
        response: answers(200, UserList),
      },
    },
    async (request, reply) => {
      const after = Number(request.query.after ?? 0);
      const { userId } = request.session;
      const found = await db.read(readUsers, { userId, after, limit: pageSize + 1 });
      const page = found.slice(0, pageSize);
      const last = page.at(-1);
      if (found.length > pageSize)
        reply.header('link', `</api/users?after=${last?.id}>; rel="next"`);
      return {
        users: page.map(({ createdAt, disabledAt, ...user }) => ({
          ...user,
          created: isoTime(createdAt),
          ...(disabledAt !== null && { disabled: isoTime(disabledAt) }),
        })),
      };
    },
  );

  app.put(
    '/users/:user_id',
    {
      config: { audit: 'account_state_changed', refuses: ['not_admin', 'no_user', 'own_account'] },
      schema: {
        summary: 'Disable or re-enable an account (admins only)',
        params: UserParams,
        body: UserState,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      await db.write(setDisabled, {
        userId: request.session.userId,
        id: Number(request.params.user_id),
        isDisabled: request.body.disabled === '1',
      });
      return ok;
    },
  );
};
