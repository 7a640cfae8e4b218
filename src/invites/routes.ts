import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from '../db/store.ts';
import { nextLink } from '../http/paging.ts';
import { answers, beyondIds, isoTime, Ok, ok, TimePage } from '../http/schema.ts';
import { chatKey } from '../members/chat-key.ts';
import { ChatParams } from '../members/schema.ts';
import type { Quotas } from '../server/quotas.ts';
import {
  acceptInvite,
  createInvite,
  defaultLifetime,
  newCode,
  readInvite,
  readInvites,
  revokeInvite,
} from './invites.ts';
import { InviteAnswer, InviteList, InviteParams, InviteQuery, NewInvite } from './schema.ts';

/** The default number of invites on a page. */
const pageSize = 100;

interface Options {
  readonly db: Store;
  readonly quotas: Quotas;
  /** The time in ms since 1970. */
  readonly clock: () => number;
}

export const inviteRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { db, quotas, clock },
) => {
  app.get(
    '/chats/:chat_id/invites',
    {
      config: { refuses: ['no_chat', 'not_member'] },
      schema: {
        summary: 'List the invites to a chat: an owner sees all, others see their own',
        description:
          'Newest first, by default 100 at a time; `Link` with `rel="next"` leads to the next page.',
        params: ChatParams,
        querystring: TimePage,
        response: answers(200, InviteList),
      },
    },
    async (request, reply) => {
      const { chatId, userId } = chatKey(request);
      const limit = Number(request.query.limit ?? pageSize);
      const before = Number(request.query.before ?? beyondIds);
      const page = await db.read(readInvites, { chatId, userId, now: clock(), before, limit });
      if (page.next !== undefined) {
        reply.header('link', nextLink(request, { before: page.next, limit }));
      }
      return {
        invites: page.items.map((invite) => ({
          code: invite.code,
          created: isoTime(invite.createdAt),
          expires: isoTime(invite.expiresAt),
          user_id: invite.userId,
          ...(invite.usesLeft !== null && { uses_left: invite.usesLeft }),
        })),
      };
    },
  );

  app.post(
    '/chats/:chat_id/invites',
    {
      config: {
        limit: 'write',
        audit: 'invite_made',
        refuses: [
          'no_chat',
          'not_member',
          'direct_chat',
          'not_owner',
          'invite_too_long',
          'invite_too_large',
          'quota_invites',
        ],
      },
      schema: {
        summary: 'Create an invite to a chat',
        params: ChatParams,
        body: NewInvite,
        response: answers(201, Ok),
      },
      // Both fields may be left out, and the body with them.
      preValidation: async (request) => {
        request.body ??= {};
      },
    },
    async (request, reply) => {
      const { max_uses: maxUses, expires_in: seconds } = request.body;
      const code = newCode();
      await db.write(createInvite, {
        ...chatKey(request),
        code,
        lifetime: seconds === undefined ? defaultLifetime : Number(seconds) * 1000,
        maxUses: maxUses === undefined ? null : Number(maxUses),
        quota: quotas.invites,
      });
      reply.code(201).header('location', `/api/invites/${code}`);
      return ok;
    },
  );

  app.delete(
    '/chats/:chat_id/invites',
    {
      config: {
        limit: 'write',
        audit: 'invite_revoked',
        refuses: ['no_chat', 'not_member', 'no_invite', 'other_invite'],
      },
      schema: {
        summary: 'Revoke an invite: your own, or, as an owner, anybody’s',
        params: ChatParams,
        querystring: InviteQuery,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      await db.write(revokeInvite, {
        ...chatKey(request),
        code: request.query.code,
      });
      return ok;
    },
  );

  app.get(
    '/invites/:code',
    {
      config: { limit: 'invite', refuses: ['no_invite'] },
      schema: {
        summary: 'Show the chat that an invite leads to',
        params: InviteParams,
        response: answers(200, InviteAnswer),
      },
    },
    async (request) => {
      const { code } = request.params;
      const invite = await db.read(readInvite, { code, now: clock() });
      return {
        invite: {
          chat_id: invite.chatId,
          expires: isoTime(invite.expiresAt),
          members: invite.members,
          title: invite.title,
        },
      };
    },
  );

  app.post(
    '/invites/:code',
    {
      config: {
        limit: 'invite',
        audit: 'invite_used',
        refuses: ['no_invite', 'removed', 'quota_memberships'],
      },
      schema: {
        summary: 'Join the chat that an invite leads to',
        params: InviteParams,
        response: answers(201, Ok),
      },
    },
    async (request, reply) => {
      const { userId } = request.session;
      const { code } = request.params;
      const chatId = await db.write(acceptInvite, { code, userId, quota: quotas.memberships });
      request.audited = { on: { chat_id: chatId } };
      reply.code(201).header('location', `/api/chats/${chatId}`);
      return ok;
    },
  );
};
