import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from '../db/store.ts';
import { headersFor } from '../http/headers.ts';
import { jitter } from '../http/jitter.ts';
import { answers, Ok } from '../http/schema.ts';
import { authorise } from '../members/members.ts';
import { ChatParams } from '../members/schema.ts';
import { Hub } from './hub.ts';
import { EventHeaders, EventQuery, EventStream } from './schema.ts';
import { sseFrame } from './sse-frame.ts';
import { Stream } from './stream.ts';

/** How often the lines are kept open, in ms. */
const heartbeat = 15_000;

/** A reader whose line breaks tries again after this, in ms: each at another time, or all come at once. */
const retry = 2_000;

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  // nginx would hold events back.
  'x-accel-buffering': 'no',
};

interface Options {
  readonly db: Store;
  /** The time in ms since 1970. */
  readonly clock: () => number;
  /** Names the client that is served, so that an open one notices another build. */
  readonly build: string;
}

export const eventRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { db, clock, build },
) => {
  const hello = sseFrame('hello', { build });
  const hub = new Hub(db, app.log);
  const beat = () => {
    hub.beat(clock()).catch((error: unknown) => app.log.error({ err: error }, 'beat missed'));
  };
  const beating = setInterval(beat, heartbeat).unref();
  // Before the server waits for its connections: a stream would keep it waiting for ever.
  app.addHook('preClose', async () => {
    clearInterval(beating);
    hub.close();
  });

  app.get(
    '/events',
    {
      // When everything is late it is let in all the same: an EventSource takes a 503 as final.
      config: {
        sameOrigin: true,
        limit: 'stream',
        refuses: [],
        answersWhenBusy: true,
        admission: 'one-per-turn',
      },
      schema: {
        summary: 'Follow what happens in one’s chats (server-sent events)',
        description:
          'Each lasting event has an `id`; `Last-Event-ID` (or `since`) resumes after it with nothing lost and nothing twice. `reset` says that too much has happened since: load anew. The first event is `hello`, with the `build` of the client that the server has: a page of another build may reload. `beat` comes once everything that was missed has been sent, and from then on every 15 seconds: a line without it is dead.',
        headers: EventHeaders,
        querystring: EventQuery,
        response: {
          200: {
            description: 'The stream.',
            content: { 'text/event-stream': { schema: EventStream } },
          },
        },
      },
    },
    async (request, reply) => {
      const since = request.headers['last-event-id'] || request.query.since;
      reply.hijack();
      const { raw } = reply;
      const unsent = app.unsent.open(request.session.userId, () => raw.destroy());
      const stream = new Stream(request.session, raw, unsent);
      // Gone already, while it was being let in: no more will be heard of it.
      if (!stream.isOpen) return unsent.close();
      raw.on('close', () => {
        unsent.close();
        hub.remove(stream);
      });
      raw.writeHead(200, { ...headersFor(request), ...streamHeaders });
      // Sent alone, the head is kept as one text instead of its fifty pieces: 1 KB for each stream.
      raw.flushHeaders();
      stream.push(`retry: ${jitter(retry)}\n${hello}`);
      try {
        await hub.open(stream, since ? Number(since) : undefined);
      } catch (error) {
        request.log.error({ err: error }, 'stream broken off');
        stream.cut();
      }
    },
  );

  app.post(
    '/chats/:chat_id/typing',
    {
      config: { needsNoRoom: true, limit: 'write', refuses: ['no_chat', 'not_member'] },
      schema: {
        summary: 'Tell the others that one is typing; stored nowhere',
        params: ChatParams,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const chatId = Number(request.params.chat_id);
      const { userId } = request.session;
      await db.read(authorise, { chatId, userId });
      hub.broadcast(chatId, 'typing', { chat_id: chatId, user_id: userId }, userId);
      return { status: 'ok' as const };
    },
  );
};
