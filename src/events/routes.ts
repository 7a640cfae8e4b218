import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Store } from '../db/store.ts';
import { headersFor } from '../http/headers.ts';
import { jitter } from '../http/jitter.ts';
import { answers, Ok, ok } from '../http/schema.ts';
import { chatKey } from '../members/chat-key.ts';
import { authorise } from '../members/members.ts';
import { ChatParams } from '../members/schema.ts';
import { Hub } from './hub.ts';
import { EventHeaders, EventQuery, EventStream } from './schema.ts';
import { sseFrame } from './sse-frame.ts';
import { Stream } from './stream.ts';

/** The interval between beats, in ms. */
const heartbeat = 15_000;

/** When a disconnected reader tries again, in ms; jitter spreads the readers out. */
const retry = 2_000;

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  // A proxy that compresses a stream may hold its events back. Caddy 2.6, which Debian 12 has, obeys
  // only an encoding: it would compress a long catch-up, and all events after it would wait.
  'cache-control': 'no-store, no-transform',
  'content-encoding': 'identity',
  // nginx would buffer events.
  'x-accel-buffering': 'no',
};

interface Options {
  readonly db: Store;
  /** The time in ms since 1970. */
  readonly clock: () => number;
  /** Identifies the client build that is served, so that an open page notices a new one. */
  readonly build: string;
}

export const eventRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { db, clock, build },
) => {
  const hello = sseFrame('hello', { build });
  const hub = new Hub(db, app.log);
  const beat = () => {
    hub.beat(clock()).catch((error: unknown) => app.log.error({ err: error }, 'beat failed'));
  };
  const beating = setInterval(beat, heartbeat).unref();
  // Runs before the server waits for its connections: streams would keep it waiting for ever.
  app.addHook('preClose', async () => {
    clearInterval(beating);
    hub.close();
  });

  app.get(
    '/events',
    {
      // A busy server admits streams anyway: an EventSource takes a 503 as final.
      config: {
        sameOrigin: true,
        limit: 'stream',
        refuses: [],
        answersWhenBusy: true,
        admission: 'gradual',
      },
      schema: {
        summary: 'Follow the events of your chats (server-sent events)',
        description:
          'Each lasting event has an `id`; `Last-Event-ID` (or `since`) resumes after it, with nothing lost and nothing sent twice. `reset` says that too much has happened since: load everything again. The first event is `hello`, with the `build` of the client that the server serves: a page of another build may reload. `beat` comes once all missed events have been sent, and every 15 seconds from then on: a connection without it is dead.',
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
      // The client may have gone while its request waited; no event will say so.
      if (!stream.isOpen) return unsent.close();
      raw.on('close', () => {
        unsent.close();
        hub.remove(stream);
      });
      raw.writeHead(200, { ...headersFor(request), ...streamHeaders });
      // A head that is flushed first stays one string instead of 50 pieces: 1 KB less per stream.
      raw.flushHeaders();
      stream.push(`retry: ${jitter(retry)}\n${hello}`);
      try {
        await hub.open(stream, since ? Number(since) : undefined);
      } catch (error) {
        request.log.error({ err: error }, 'stream aborted');
        stream.cut();
      }
    },
  );

  app.post(
    '/chats/:chat_id/typing',
    {
      config: { needsNoRoom: true, limit: 'write', refuses: ['no_chat', 'not_member'] },
      schema: {
        summary: 'Show the other members that you are typing; not stored',
        params: ChatParams,
        response: answers(200, Ok),
      },
    },
    async (request) => {
      const { chatId, userId } = chatKey(request);
      await db.read(authorise, { chatId, userId });
      hub.broadcast(chatId, 'typing', { chat_id: chatId, user_id: userId }, userId);
      return ok;
    },
  );
};
