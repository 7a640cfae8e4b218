import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from '../db/store.ts';
import type { DailyQuotas } from '../http/daily.ts';
import { pageLinks } from '../http/paging.ts';
import { answers, Ok, ok } from '../http/schema.ts';
import { sendJson } from '../http/send.ts';
import { chatKey } from '../members/chat-key.ts';
import { authorise, type Key } from '../members/members.ts';
import { ownChats } from '../members/my-chats.ts';
import { ChatParams } from '../members/schema.ts';
import { refuseUnlessAdmin } from '../server/quotas.ts';
import { messageKey } from './message-key.ts';
import {
  deleteMessage,
  editMessage,
  type Page,
  postMessage,
  readMessage,
  readPage,
} from './messages.ts';
import { addToPage, newestPage, pageSize } from './newest-page.ts';
import { listOwnReactions } from './queries.ts';
import { markRead } from './read-state.ts';
import {
  MessageAnswer,
  MessageEdit,
  MessagePage,
  MessageParams,
  MessageQuery,
  NewMessage,
  PageQuery,
  PostHeaders,
  ReadMark,
} from './schema.ts';
import { messageToWire, ownToWire } from './wire.ts';

interface Options {
  readonly db: Store;
  readonly daily: DailyQuotas;
}

export const messageRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { db, daily }) => {
  app.get(
    '/chats/:chat_id',
    {
      config: { refuses: ['no_chat', 'not_member'] },
      schema: {
        summary: 'Read the messages of a chat, oldest first; by default the newest 50',
        description:
          '`Link` leads to older messages with `rel="prev"`, to newer with `rel="next"`.',
        params: ChatParams,
        querystring: PageQuery,
        response: answers(200, MessagePage),
      },
    },
    async (request, reply) => {
      const key = chatKey(request);
      const answer = await readAnswer(key, request.query);
      const limit = Number(request.query.limit ?? pageSize);
      const links = pageLinks(`/api/chats/${key.chatId}`, answer, limit);
      if (links !== undefined) reply.header('link', links);
      sendJson(reply, await withOwnReactions(key, answer));
    },
  );

  app.post(
    '/chats/:chat_id',
    {
      config: {
        limit: 'write',
        refuses: ['no_chat', 'not_member', 'no_message', 'nobody_there', 'quota_texts'],
      },
      schema: {
        summary: 'Send a message',
        params: ChatParams,
        headers: PostHeaders,
        body: NewMessage,
        response: answers(201, Ok),
      },
    },
    async (request, reply) => {
      const { content, reply_to: replyTo } = request.body;
      const { 'idempotency-key': idempotencyKey } = request.headers;
      await countText(request.session.userId, content);
      const { chatId, id } = await db.write(postMessage, {
        ...chatKey(request),
        content,
        ...(replyTo !== undefined && { replyTo: Number(replyTo) }),
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      });
      reply.code(201).header('location', `/api/chats/${chatId}/messages/${id}`);
      return ok;
    },
  );

  app.delete(
    '/chats/:chat_id',
    {
      config: { limit: 'write', refuses: ['no_chat', 'not_member', 'no_message', 'other_sender'] },
      schema: {
        summary: 'Delete one of your messages',
        params: ChatParams,
        querystring: MessageQuery,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      await db.write(deleteMessage, {
        ...chatKey(request),
        id: Number(request.query.id),
        ownOnly: true,
      });
      return ok;
    },
  );

  app.get(
    '/chats/:chat_id/messages/:id',
    {
      config: { refuses: ['no_chat', 'not_member', 'no_message'] },
      schema: {
        summary: 'Read one message',
        params: MessageParams,
        response: answers(200, MessageAnswer),
      },
    },
    async (request) => {
      const { message, reactions, own } = await db.read(readMessage, messageKey(request));
      return { message: messageToWire(message, reactions), ...ownToWire(own) };
    },
  );

  app.put(
    '/chats/:chat_id/messages/:id',
    {
      config: {
        limit: 'write',
        refuses: ['no_chat', 'not_member', 'no_message', 'other_sender', 'quota_texts'],
      },
      schema: {
        summary: 'Edit one of your messages',
        params: MessageParams,
        body: MessageEdit,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      await countText(request.session.userId, request.body.content);
      await db.write(editMessage, { ...messageKey(request), content: request.body.content });
      return ok;
    },
  );

  app.delete(
    '/chats/:chat_id/messages/:id',
    {
      config: {
        limit: 'write',
        audit: 'message_deleted',
        refuses: ['no_chat', 'not_member', 'no_message', 'other_sender'],
      },
      schema: {
        summary: 'Delete one of your messages, or, as an owner of the chat, anybody’s',
        params: MessageParams,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const sender = await db.write(deleteMessage, { ...messageKey(request), ownOnly: false });
      request.audited = { on: { sender_id: sender } };
      return ok;
    },
  );

  app.put(
    '/chats/:chat_id/read',
    {
      config: { refuses: ['no_chat', 'not_member'] },
      schema: {
        summary: 'Mark a chat as read up to a message',
        params: ChatParams,
        body: ReadMark,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const { chatId, userId } = chatKey(request);
      const id = Number(request.body.id);
      while (await db.write(markRead, { chatId, userId, id }));
      return ok;
    },
  );

  /** Counts a text towards its writer's daily quota. Throws `quota_texts`. */
  async function countText(userId: number, content: string): Promise<void> {
    if (daily.takeText(userId, Buffer.byteLength(content))) return;
    await db.read(refuseUnlessAdmin, { userId, code: 'quota_texts' });
  }

  /**
   * Pages are the same for all members. The caller's own reactions are added where a page lacks
   * them.
   */
  async function withOwnReactions(key: Key, page: Page): Promise<Buffer> {
    const { body, first, last, hasManyReactions } = page;
    if (!hasManyReactions || first === null || last === null) return body;
    return addToPage(body, ownToWire(await db.read(listOwnReactions, { ...key, first, last })));
  }

  async function readAnswer(key: Key, { before, after, limit: size }: PageQuery) {
    const { chatId } = key;
    // For a caller who is not in the chat, `authorise` throws the refusal with the reason.
    const isOwn = (await db.cached(ownChats, key)).has(chatId);
    if (!isOwn) await db.read(authorise, key);
    const limit = Number(size ?? pageSize);
    if (before === undefined && after === undefined && limit === pageSize) {
      return db.cached(newestPage, key);
    }
    return db.read(readPage, {
      chatId,
      limit,
      ...(before !== undefined && { before: Number(before) }),
      ...(after !== undefined && { after: Number(after) }),
    });
  }
};
