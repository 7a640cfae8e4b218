import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from '../db/store.ts';
import { answers, Ok } from '../http/schema.ts';
import { isoTime } from '../http/time.ts';
import { leaveChat } from '../members/members.ts';
import { createChat, renameChat } from './chats.ts';
import { listChats } from './queries.ts';
import { ChatList, ChatParams, ChatQuery, NewChat } from './schema.ts';

export const chatRoutes: FastifyPluginAsyncTypebox<{ db: Store }> = async (app, { db }) => {
  app.get(
    '/chats',
    {
      schema: {
        summary: 'List one’s chats, the one with the latest activity first',
        response: answers(200, ChatList),
      },
    },
    async (request) => {
      const chats = await db.read(listChats, { userId: request.session.userId });
      return { chats: chats.map(toWire) };
    },
  );

  app.post(
    '/chats',
    { schema: { summary: 'Create a chat', body: NewChat, response: answers(201, Ok) } },
    async (request, reply) => {
      const { userId } = request.session;
      const id = await db.write(createChat, { userId, title: request.body.title });
      reply.code(201).header('location', `/api/chats/${id}`);
      return { status: 'ok' as const };
    },
  );

  app.put(
    '/chats/:chat_id',
    {
      schema: {
        summary: 'Change the title of a chat',
        params: ChatParams,
        body: NewChat,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const chatId = Number(request.params.chat_id);
      const { userId } = request.session;
      await db.write(renameChat, { chatId, userId, title: request.body.title });
      return { status: 'ok' as const };
    },
  );

  app.delete(
    '/chats',
    {
      schema: {
        summary: 'Leave a chat; the last member’s leaving deletes it',
        querystring: ChatQuery,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const chatId = Number(request.query.chat_id);
      await db.write(leaveChat, { chatId, userId: request.session.userId });
      return { status: 'ok' as const };
    },
  );
};

type ListedChat = Awaited<ReturnType<typeof listChats>>[number];

function toWire(chat: ListedChat) {
  return {
    id: chat.id,
    last_message: chat.lastMessage,
    last_message_time: chat.lastMessageAt === null ? null : isoTime(chat.lastMessageAt),
    sender_id: chat.lastSenderId,
    title: chat.title,
  };
}
