/**
 * The audit log: lines of the server's log with a field `audit`. They record who did what to whom
 * where security is concerned, and who was refused it; see OWASP ASVS 5.0, V16.3. They hold ids and
 * fixed words of ours: no secrets, no names, no text that people write.
 */
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyRequest,
  onSendHookHandler,
} from 'fastify';
import fp from 'fastify-plugin';
import type { Store } from '../db/store.ts';
import { Refusal } from '../errors.ts';

/** The actions of routes. */
export type Audited =
  | 'registered'
  | 'signed_in'
  | 'signed_out'
  | 'sessions_ended'
  | 'password_changed'
  | 'account_changed'
  | 'account_deleted'
  | 'account_state_changed'
  | 'permissions_changed'
  | 'chat_created'
  | 'direct_chat_opened'
  | 'chat_renamed'
  | 'chat_left'
  | 'role_changed'
  | 'member_added'
  | 'member_removed'
  | 'message_deleted'
  | 'invite_made'
  | 'invite_used'
  | 'invite_revoked';

/** The users and objects that an action concerns, by their names in the API. */
type Objects = Readonly<Record<string, number | string>>;

const canonicalId = /^[1-9]\d{0,14}$/;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The audit log's name for what the route does, for success and refusal alike. */
    audit?: Audited;
  }
  interface FastifyRequest {
    /** Facts that the audit log cannot derive from the request. */
    audited?: {
      /** The account concerned. */
      readonly user?: number;
      /** Other users and objects concerned. */
      readonly on?: Objects;
      /** The action, where a route does one of two. */
      readonly as?: Audited;
    };
  }
}

/**
 * Logs actions of routes with `config.audit`, refusals for want of a right, and changes by other
 * processes.
 */
export const audit = fp<{ db: Store }>(
  async (app: FastifyInstance, { db }: { db: Store }) => {
    app.decorateRequest('audited');
    // Only these routes get the hook: Fastify builds `routeOptions` again at each access.
    app.addHook('onRoute', (route) => {
      const { audit } = route.config ?? {};
      if (audit !== undefined) route.onSend = noteWhenDone(audit);
    });
    app.addHook('onError', (request, _, error, done) => {
      if (error instanceof Refusal) noteRefusal(request, error);
      done();
    });
    db.onCommit((events, origin) => {
      if (origin === 'external') return logExternalWrites(app.log, events);
      // Chats deleted by a leaving member or along with an account: no route logs those.
      const deleted = events.filter(({ type }) => type === 'chat.deleted');
      for (const { chatId, userId } of deleted) {
        app.log.info({ audit: 'chat_deleted', user: userId, on: { chat_id: chatId } }, 'audit');
      }
    });
  },
  { name: 'audit' },
);

/** Logs before the answer is sent: the action is done, even if the client does not wait for it. */
function noteWhenDone(audit: Audited): onSendHookHandler {
  return (request, reply, _, done) => {
    if (reply.statusCode < 400) request.log.info(describe(request, audit, 'done'), 'audit');
    done();
  };
}

/** Logs a token that came with another user's id: one of the two does not belong to the client. */
export function noteForeignCookies(request: FastifyRequest, owner: number, claimed: string): void {
  request.audited = { user: owner, on: objectsIn({ user_id: claimed }) };
  request.log.warn(describe(request, 'foreign_cookies', 'refused'), 'audit');
}

function noteRefusal(request: FastifyRequest, { code, status }: Refusal): void {
  const { audit } = request.routeOptions.config;
  const isForbidden = status === 403 && code !== 'signed_out';
  const isOfNote = isForbidden || (audit !== undefined && code !== 'signed_out' && status < 500);
  if (!isOfNote) return;
  request.log.warn(
    { ...describe(request, audit ?? 'forbidden', 'refused'), reason: code },
    'audit',
  );
}

type Events = Parameters<Parameters<Store['onCommit']>[0]>[0];

/** Logs changes by other processes, such as the operator's commands: one line for each event. */
function logExternalWrites(log: FastifyBaseLogger, events: Events): void {
  const audit = 'external_change';
  if (events.length === 0) log.info({ audit }, 'audit');
  for (const { type, chatId, userId, messageId, sessionId } of events) {
    const all = { chat_id: chatId, user_id: userId, message_id: messageId, session_id: sessionId };
    const on = Object.fromEntries(Object.entries(all).filter(([, id]) => id !== null));
    log.info({ audit, event: type, on }, 'audit');
  }
}

function describe(request: FastifyRequest, name: string, outcome: 'done' | 'refused') {
  const { audited, session, params, query, body, ip: address } = request;
  const on = { ...objectsIn(params), ...objectsIn(query), ...objectsIn(body), ...audited?.on };
  return {
    audit: audited?.as ?? name,
    outcome,
    user: audited?.user ?? session?.userId,
    address,
    on,
  };
}

/** The fields that may be logged, and their form: nothing made up by a client reaches the log. */
const loggable: Record<string, RegExp> = {
  chat_id: canonicalId,
  user_id: canonicalId,
  id: canonicalId,
  others: /^1$/,
  role: /^(owner|member)$/,
  disabled: /^[01]$/,
  rename: /^(everybody|owners)$/,
  invite: /^(everybody|owners)$/,
};

/** The loggable fields of a request, before or after validation against its schema. */
function objectsIn(fields: unknown): Objects {
  const named = Object.entries(fields ?? {}).filter(
    ([name, value]) => Object.hasOwn(loggable, name) && loggable[name]?.test(String(value)),
  );
  return Object.fromEntries(
    named.map(([name, value]) => [name, name.endsWith('id') ? Number(value) : value]),
  );
}
