import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { ChatParams } from '../chats/schema.ts';
import type { Store } from '../db/store.ts';
import { answers, Ok } from '../http/schema.ts';
import { isoTime } from '../http/time.ts';
import { canonicalName } from '../users/canonical.ts';
import { addMember, readMembers } from './members.ts';
import { MemberList, NewMember } from './schema.ts';

export const memberRoutes: FastifyPluginAsyncTypebox<{ db: Store }> = async (app, { db }) => {
  app.get(
    '/chats/:chat_id/members',
    {
      schema: {
        summary: 'List the members of a chat, the longest-standing first',
        params: ChatParams,
        response: answers(200, MemberList),
      },
    },
    async (request) => {
      const chatId = Number(request.params.chat_id);
      const members = await db.read(readMembers, { chatId, userId: request.session.userId });
      return {
        members: members.map(({ joinedAt, ...member }) => ({
          ...member,
          joined: isoTime(joinedAt),
        })),
      };
    },
  );

  app.post(
    '/chats/:chat_id/members',
    {
      schema: {
        summary: 'Add a user to a chat by name',
        params: ChatParams,
        body: NewMember,
        response: answers(201, Ok),
      },
    },
    async (request, reply) => {
      const chatId = Number(request.params.chat_id);
      const { userId } = request.session;
      const nameKey = canonicalName(request.body.name);
      const id = await db.write(addMember, { chatId, userId, nameKey });
      reply.code(201).header('location', `/api/chats/${chatId}/members/${id}`);
      return { status: 'ok' as const };
    },
  );
};
