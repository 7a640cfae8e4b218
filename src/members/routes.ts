import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from '../db/store.ts';
import { nextLink } from '../http/paging.ts';
import { answers, Ok, ok } from '../http/schema.ts';
import type { Quotas } from '../server/quotas.ts';
import { canonicalName } from '../users/canonical.ts';
import { chatKey } from './chat-key.ts';
import { addMember, changeRole, readMembers, removeMember, setNotify } from './members.ts';
import {
  ChatParams,
  MemberList,
  MemberPage,
  MemberParams,
  MemberQuery,
  NewMember,
  NotifyChange,
  RoleChange,
} from './schema.ts';
import { memberToWire } from './wire.ts';

/** The default page size. */
const pageSize = 200;

interface Options {
  readonly db: Store;
  readonly quotas: Quotas;
}

export const memberRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { db, quotas }) => {
  app.get(
    '/chats/:chat_id/members',
    {
      config: { refuses: ['no_chat', 'not_member'] },
      schema: {
        summary: 'List the members of a chat, the longest-standing first; 200 by default',
        description: '`Link` with `rel="next"` points to the next page.',
        params: ChatParams,
        querystring: MemberPage,
        response: answers(200, MemberList),
      },
    },
    async (request, reply) => {
      const chatId = Number(request.params.chat_id);
      const limit = Number(request.query.limit ?? pageSize);
      const after = Number(request.query.after ?? 0);
      const { userId } = request.session;
      const { members, next } = await db.read(readMembers, { chatId, userId, after, limit });
      if (next !== undefined) reply.header('link', nextLink(request, { after: next, limit }));
      return { members: members.map(memberToWire) };
    },
  );

  app.post(
    '/chats/:chat_id/members',
    {
      config: {
        limit: 'write',
        audit: 'member_added',
        refuses: [
          'no_chat',
          'not_member',
          'no_user',
          'direct_chat',
          'not_owner',
          'already_member',
          'removed',
          'user_removed',
          'quota_memberships',
        ],
      },
      schema: {
        summary: 'Add a user to a chat by name, or join an open chat',
        params: ChatParams,
        body: NewMember,
        response: answers(201, Ok),
      },
    },
    async (request, reply) => {
      const { chatId, userId } = chatKey(request);
      const nameKey = canonicalName(request.body.name);
      const id = await db.write(addMember, { chatId, userId, nameKey, quota: quotas.memberships });
      request.audited = { on: { user_id: id } };
      reply.code(201).header('location', `/api/chats/${chatId}/members/${id}`);
      return ok;
    },
  );

  app.delete(
    '/chats/:chat_id/members',
    {
      config: {
        limit: 'write',
        audit: 'member_removed',
        refuses: ['no_chat', 'not_member', 'not_owner', 'no_member'],
      },
      schema: {
        summary: 'Remove a member (owners only), or leave the chat',
        params: ChatParams,
        querystring: MemberQuery,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      await db.write(removeMember, {
        ...chatKey(request),
        memberId: Number(request.query.user_id),
      });
      return ok;
    },
  );

  app.put(
    '/chats/:chat_id/members/:user_id',
    {
      config: {
        limit: 'write',
        audit: 'role_changed',
        refuses: ['no_chat', 'not_member', 'direct_chat', 'not_owner', 'no_member', 'last_owner'],
      },
      schema: {
        summary: 'Make a member an owner, or an owner a member (owners only)',
        params: MemberParams,
        body: RoleChange,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      await db.write(changeRole, {
        ...chatKey(request),
        memberId: Number(request.params.user_id),
        role: request.body.role,
      });
      return ok;
    },
  );

  app.put(
    '/chats/:chat_id/notify',
    {
      config: { limit: 'write', refuses: ['no_chat', 'not_member'] },
      schema: {
        summary: 'Set your notification level for a chat',
        params: ChatParams,
        body: NotifyChange,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const chatId = Number(request.params.chat_id);
      const { notify } = request.body;
      await db.write(setNotify, { chatId, userId: request.session.userId, notify });
      return ok;
    },
  );
};
