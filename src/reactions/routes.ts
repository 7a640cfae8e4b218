import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from '../db/store.ts';
import { answers, Ok } from '../http/schema.ts';
import { react, unreact } from './reactions.ts';
import { ReactionParams } from './schema.ts';

export const reactionRoutes: FastifyPluginAsyncTypebox<{ db: Store }> = async (app, { db }) => {
  const url = '/chats/:chat_id/messages/:id/reactions/:emoji';

  app.put(
    url,
    {
      config: {
        limit: 'write',
        refuses: ['no_chat', 'not_member', 'no_message', 'bad_emoji', 'too_many_emoji'],
      },
      schema: {
        summary: 'React to a message with an emoji',
        params: ReactionParams,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      await db.write(react, keyOf(request));
      return { status: 'ok' as const };
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
      await db.write(unreact, keyOf(request));
      return { status: 'ok' as const };
    },
  );
};

function keyOf(request: {
  params: { chat_id: string; id: string; emoji: string };
  session: { userId: number };
}) {
  return {
    chatId: Number(request.params.chat_id),
    userId: request.session.userId,
    id: Number(request.params.id),
    emoji: request.params.emoji,
  };
}
