import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { whenReady } from '../db/cache/cached-query.ts';
import type { Store } from '../db/store.ts';
import { nextLink } from '../http/paging.ts';
import { answers, beyondIds, Ok, ok } from '../http/schema.ts';
import { sendJson } from '../http/send.ts';
import { chatKey } from '../members/chat-key.ts';
import { leaveChat } from '../members/members.ts';
import { ChatParams } from '../members/schema.ts';
import type { Quotas } from '../server/quotas.ts';
import { canonicalName } from '../users/canonical.ts';
import { createChat, openDirectChat, renameChat, setPermissions } from './chats.ts';
import { readList, readListPage } from './list.ts';
import { listOpenChats } from './queries.ts';
import {
  ChatList,
  ChatPage,
  ChatQuery,
  Directory,
  DirectoryQuery,
  NewChat,
  PermissionsChange,
  TitleChange,
} from './schema.ts';

/** The default number of chats on a page of a user's list. */
const listPage = 100;

/** The number of open chats on a page of the directory. */
const directoryPage = 100;

interface Options {
  readonly db: Store;
  readonly quotas: Quotas;
}

export const chatRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { db, quotas }) => {
  app.get(
    '/chats',
    {
      config: { refuses: [] },
      schema: {
        summary: 'List your chats by latest activity, newest first',
        description:
          'Returns all of them; their bytes count towards the limit on reading. With `limit` or `before`, returns one page, and `Link` with `rel="next"` leads to the next. The header `Last-Event-ID` names the last event that the list certainly includes: skip events up to it.',
        querystring: ChatPage,
        response: answers(200, ChatList),
      },
    },
    (request, reply) => {
      const { userId } = request.session;
      const { before, limit } = request.query;
      reply.header('last-event-id', db.newestEventId);
      if (before === undefined && limit === undefined) {
        return whenReady(readList(db, userId), (body) => sendJson(reply, body));
      }
      const range = { before: Number(before ?? beyondIds), limit: Number(limit ?? listPage) };
      return readListPage(db, userId, range).then(({ body, next }) => {
        if (next !== undefined) {
          reply.header('link', nextLink(request, { before: next, limit: range.limit }));
        }
        sendJson(reply, body);
      });
    },
  );

  app.get(
    '/directory',
    {
      config: { refuses: [] },
      schema: {
        summary: 'List the open chats, newest first, 100 at a time',
        description:
          '`Link` with `rel="next"` leads to the next page. Anyone may join these chats.',
        querystring: DirectoryQuery,
        response: answers(200, Directory),
      },
    },
    async (request, reply) => {
      const before = Number(request.query.before ?? beyondIds);
      const found = await db.read(listOpenChats, { before, limit: directoryPage + 1 });
      const chats = found.slice(0, directoryPage);
      if (found.length > directoryPage) {
        reply.header('link', `</api/directory?before=${chats.at(-1)?.id}>; rel="next"`);
      }
      return { chats };
    },
  );

  app.post(
    '/chats',
    {
      config: {
        limit: 'write',
        audit: 'chat_created',
        refuses: ['no_user', 'direct_self', 'quota_chats', 'quota_open_chats', 'quota_memberships'],
      },
      schema: {
        summary: 'Create a chat, or open the direct chat with somebody',
        body: NewChat,
        response: answers(201, Ok),
      },
    },
    async (request, reply) => {
      const { userId } = request.session;
      const { title, open, with: name } = request.body;
      const as = title === undefined ? 'direct_chat_opened' : 'chat_created';
      request.audited = { as };
      const id =
        title === undefined
          ? await db.write(openDirectChat, { userId, nameKey: canonicalName(name ?? ''), quotas })
          : await db.write(createChat, { userId, title, isOpen: open === '1', quotas });
      request.audited = { as, on: { chat_id: id } };
      reply.code(201).header('location', `/api/chats/${id}`);
      return ok;
    },
  );

  app.put(
    '/chats/:chat_id',
    {
      config: {
        limit: 'write',
        audit: 'chat_renamed',
        refuses: ['no_chat', 'not_member', 'direct_chat', 'not_owner'],
      },
      schema: {
        summary: 'Change the title of a chat',
        params: ChatParams,
        body: TitleChange,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const { chatId, userId } = chatKey(request);
      await db.write(renameChat, { chatId, userId, title: request.body.title });
      return ok;
    },
  );

  app.put(
    '/chats/:chat_id/permissions',
    {
      config: {
        limit: 'write',
        audit: 'permissions_changed',
        refuses: ['no_chat', 'not_member', 'direct_chat', 'not_owner'],
      },
      schema: {
        summary: 'Set who may rename a chat, and who may invite and add people (owners only)',
        params: ChatParams,
        body: PermissionsChange,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const { rename, invite } = request.body;
      await db.write(setPermissions, {
        ...chatKey(request),
        change: {
          ...(rename !== undefined && { ownersRename: rename === 'owners' }),
          ...(invite !== undefined && { ownersInvite: invite === 'owners' }),
        },
      });
      return ok;
    },
  );

  app.delete(
    '/chats',
    {
      config: { audit: 'chat_left', refuses: ['no_chat', 'not_member'] },
      schema: {
        summary: 'Leave a chat; it is deleted when the last member leaves',
        querystring: ChatQuery,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const chatId = Number(request.query.chat_id);
      await db.write(leaveChat, { chatId, userId: request.session.userId });
      return ok;
    },
  );
};
