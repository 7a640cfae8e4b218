import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { ChatParams } from '../chats/schema.ts';
import type { Store } from '../db/store.ts';
import { pageLinks } from '../http/paging.ts';
import { answers, Ok } from '../http/schema.ts';
import { isoTime } from '../http/time.ts';
import { deleteMessage, type Message, postMessage, readMessages } from './messages.ts';
import { MessagePage, MessageQuery, NewMessage, PageQuery } from './schema.ts';

/** How many messages a page has unless the request says otherwise. */
const pageSize = 50;

export const messageRoutes: FastifyPluginAsyncTypebox<{ db: Store }> = async (app, { db }) => {
  app.get(
    '/chats/:chat_id',
    {
      schema: {
        summary: 'Read the messages of a chat, oldest first; the newest 50 unless told otherwise',
        description: '`Link` leads on: `rel="prev"` to older messages, `rel="next"` to newer ones.',
        params: ChatParams,
        querystring: PageQuery,
        response: answers(200, MessagePage),
      },
    },
    async (request, reply) => {
      const { before, after } = request.query;
      const limit = Number(request.query.limit ?? pageSize);
      const page = await db.read(readMessages, {
        chatId: Number(request.params.chat_id),
        userId: request.session.userId,
        limit,
        ...(before !== undefined && { before: Number(before) }),
        ...(after !== undefined && { after: Number(after) }),
      });
      const messages = page.messages.map(toWire);
      const ends = { ...page, first: messages[0]?.id, last: messages.at(-1)?.id };
      const links = pageLinks(`/api/chats/${request.params.chat_id}`, ends, limit);
      if (links !== undefined) reply.header('link', links);
      return { messages };
    },
  );

  app.post(
    '/chats/:chat_id',
    {
      schema: {
        summary: 'Send a message',
        params: ChatParams,
        body: NewMessage,
        response: answers(201, Ok),
      },
    },
    async (request, reply) => {
      const chatId = Number(request.params.chat_id);
      const { userId } = request.session;
      const id = await db.write(postMessage, { chatId, userId, content: request.body.content });
      reply.code(201).header('location', `/api/chats/${chatId}/messages/${id}`);
      return { status: 'ok' as const };
    },
  );

  app.delete(
    '/chats/:chat_id',
    {
      schema: {
        summary: 'Delete one of one’s own messages',
        params: ChatParams,
        querystring: MessageQuery,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      await db.write(deleteMessage, {
        chatId: Number(request.params.chat_id),
        userId: request.session.userId,
        id: Number(request.query.id),
      });
      return { status: 'ok' as const };
    },
  );
};

function toWire({ content, id, senderId, createdAt }: Message) {
  return { content, id, sender_id: senderId, time: isoTime(createdAt) };
}
