import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from '../db/store.ts';
import { answers, Ok, ok } from '../http/schema.ts';
import { messageKey } from './message-key.ts';
import { ReactionParams, ReactorList, ReactorQuery } from './reaction-schema.ts';
import { react, readReactors, unreact } from './reactions.ts';

/** The number of users on a page. */
const pageSize = 100;

export const reactionRoutes: FastifyPluginAsyncTypebox<{ db: Store }> = async (app, { db }) => {
  const url = '/chats/:chat_id/messages/:id/reactions/:emoji';

  app.get(
    url,
    {
      config: { refuses: ['no_chat', 'not_member', 'no_message'] },
      schema: {
        summary: 'List the users who reacted to a message with an emoji, 100 at a time',
        description: '`Link` with `rel="next"` leads to the next page.',
        params: ReactionParams,
        querystring: ReactorQuery,
        response: answers(200, ReactorList),
      },
    },
    async (request, reply) => {
      const key = reactionKey(request);
      const after = Number(request.query.after ?? 0);
      const found = await db.read(readReactors, { ...key, after, limit: pageSize + 1 });
      const page = found.slice(0, pageSize);
      if (found.length > pageSize) {
        const path = `/api/chats/${key.chatId}/messages/${key.id}/reactions`;
        const next = `${path}/${encodeURIComponent(key.emoji)}?after=${page.at(-1)?.id}`;
        reply.header('link', `<${next}>; rel="next"`);
      }
      return { users: page.map(({ id, name }) => ({ id, ...(name !== null && { name }) })) };
    },
  );

  app.put(
    url,
    {
      config: {
        limit: 'write',
        refuses: [
          'no_chat',
          'not_member',
          'no_message',
          'bad_emoji',
          'too_many_emoji',
          'too_many_reactions',
        ],
      },
      schema: {
        summary: 'React to a message with an emoji',
        params: ReactionParams,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      await db.write(react, reactionKey(request));
      return ok;
    },
  );

  app.delete(
    url,
    {
      config: { limit: 'write', refuses: ['no_chat', 'not_member', 'no_message'] },
      schema: {
        summary: 'Take a reaction back',
        params: ReactionParams,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      await db.write(unreact, reactionKey(request));
      return ok;
    },
  );
};

function reactionKey(request: {
  params: { chat_id: string; id: string; emoji: string };
  session: { userId: number };
}) {
  return { ...messageKey(request), emoji: request.params.emoji };
}
