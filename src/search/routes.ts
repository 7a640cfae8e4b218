import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from '../db/store.ts';
import { answers, isoTime } from '../http/schema.ts';
import type { Term } from '../search-index/fts-query.ts';
import { canonicalName } from '../users/canonical.ts';
import { SearchAnswer, SearchQuery } from './schema.ts';
import { type Hit, searchMessages } from './search.ts';
import { snippetOf } from './snippet.ts';

/** The default number of hits on a page. */
const pageSize = 20;

export const searchRoutes: FastifyPluginAsyncTypebox<{ db: Store }> = async (app, { db }) => {
  app.get(
    '/search',
    {
      config: { limit: 'search', refuses: ['no_chat', 'not_member'] },
      schema: {
        summary: 'Search the messages of your chats, newest first',
        description:
          'A page may be short although there are more hits: follow `Link` with `rel="next"` until it is absent.',
        querystring: SearchQuery,
        response: answers(200, SearchAnswer),
      },
    },
    async (request, reply) => {
      const { q, chat_id: chatId, from, before, limit } = request.query;
      const page = await searchMessages(db, {
        userId: request.session.userId,
        query: q,
        limit: Number(limit ?? pageSize),
        ...(chatId !== undefined && { chatId: Number(chatId) }),
        ...(from !== undefined && { fromKey: canonicalName(from) }),
        ...(before !== undefined && { before: Number(before) }),
      });
      if (page.next !== undefined) reply.header('link', nextLink(request.query, page.next));
      return { hits: page.hits.map((hit) => toWire(hit, page.terms)) };
    },
  );
};

/** The link to the same search from the end of this page on. */
function nextLink(query: Record<string, string>, next: number): string {
  const parameters = new URLSearchParams({ ...query, before: String(next) });
  return `</api/search?${parameters}>; rel="next"`;
}

function toWire(hit: Hit, terms: readonly Term[]) {
  const { text, marks } = snippetOf(hit.content, terms);
  return {
    chat_id: hit.chatId,
    id: hit.id,
    sender_id: hit.senderId,
    snippet: text,
    marks,
    time: isoTime(hit.createdAt),
  };
}
