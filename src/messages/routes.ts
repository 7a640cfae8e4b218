import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { whenReady } from '../db/cache/cached-query.ts';
import type { Store } from '../db/store.ts';
import { joinBytes } from '../http/bytes.ts';
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
  type OwnReaction,
  postMessage,
  readMessage,
} from './messages.ts';
import { newestPage, pageSize } from './newest-page.ts';
import { endsOf, type Page, pageToJson, readPage } from './page.ts';
import { listOwnReactions } from './reaction-queries.ts';
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
import { messageToJson, ownToJson } from './wire.ts';

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
    (request, reply) => {
      const key = chatKey(request);
      const send = (page: Page, own: readonly OwnReaction[]) => {
        const limit = Number(request.query.limit ?? pageSize);
        const links = pageLinks(`/api/chats/${key.chatId}`, { ...page, ...endsOf(page) }, limit);
        if (links !== undefined) reply.header('link', links);
        sendJson(reply, pageToJson(page, own));
      };
      return whenReady(findPage(key, request.query), (page) =>
        whenReady(ownReactions(key, page), (own) => send(page, own)),
      );
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
    async (request, reply) => {
      const { message, reactions, own } = await db.read(readMessage, messageKey(request));
      const json = messageToJson(message, reactions);
      sendJson(reply, joinBytes(`{"message":${json}${ownToJson(own)}}`));
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

  /** The caller's reactions that a page does not show; the page itself is the same for everybody. */
  function ownReactions(key: Key, page: Page): OwnReaction[] | Promise<OwnReaction[]> {
    const { first, last } = endsOf(page);
    if (!page.hasManyReactions || first === null || last === null) return [];
    return db.read(listOwnReactions, { ...key, first, last });
  }

  function findPage(key: Key, query: PageQuery): Page | Promise<Page> {
    return whenReady(db.cached(ownChats, key), (chats) =>
      // For a caller who is not in the chat, `authorise` throws the refusal with the reason.
      chats.has(key.chatId)
        ? pageOf(key, query)
        : db.read(authorise, key).then(() => pageOf(key, query)),
    );
  }

  function pageOf({ chatId }: Key, { before, after, limit: size }: PageQuery) {
    const limit = Number(size ?? pageSize);
    if (before === undefined && after === undefined && limit === pageSize) {
      return db.cached(newestPage, { chatId });
    }
    return db.read(readPage, {
      chatId,
      limit,
      ...(before !== undefined && { before: Number(before) }),
      ...(after !== undefined && { after: Number(after) }),
    });
  }
};
