/**
 * The audit log: lines of the server's log that have a field `audit`. They tell who did what to
 * whom where it is a matter of security, and who was refused it; see OWASP ASVS 5.0, V16.3. They
 * hold ids and words of our own: no secret, no name, nothing that people write.
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

/** What a route does. */
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

/** Whom or what something was done to, by the API's names for it. */
type Objects = Readonly<Record<string, number | string>>;

const canonicalId = /^[1-9]\d{0,14}$/;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the audit log calls it when the route has done its work, or refuses to. */
    audit?: Audited;
  }
  interface FastifyRequest {
    /** What the audit log cannot see by itself. */
    audited?: {
      /** Whose account it is. */
      readonly user?: number;
      /** Whom else it concerns. */
      readonly on?: Objects;
      /** What was done, where the route does one of two things. */
      readonly as?: Audited;
    };
  }
}

/** Writes a line for what routes do that say so, for what is forbidden, and for what others write. */
export const audit = fp<{ db: Store }>(
  async (app: FastifyInstance, { db }: { db: Store }) => {
    app.decorateRequest('audited');
    // A hook of these routes alone: Fastify makes `routeOptions` anew each time that one asks.
    app.addHook('onRoute', (route) => {
      const { audit } = route.config ?? {};
      if (audit !== undefined) route.onSend = noteWhenDone(audit);
    });
    app.addHook('onError', (request, _, error, done) => {
      if (error instanceof Refusal) noteRefusal(request, error);
      done();
    });
    db.onCommit((events, origin) => {
      if (origin === 'external') return noteOthers(app.log, events);
      // By leaving, or along with an account: no route says so.
      const deleted = events.filter(({ type }) => type === 'chat.deleted');
      for (const { chatId, userId } of deleted) {
        app.log.info({ audit: 'chat_deleted', user: userId, on: { chat_id: chatId } }, 'audit');
      }
    });
  },
  { name: 'audit' },
);

/** Before the answer is sent: whether its reader waits for it or not, it is done. */
function noteWhenDone(audit: Audited): onSendHookHandler {
  return (request, reply, _, done) => {
    if (reply.statusCode < 400) request.log.info(describe(request, audit, 'done'), 'audit');
    done();
  };
}

/** Notes a token that came with the id of somebody else: one of the two is not theirs. */
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

/** What another process has written, as the operator's commands do; a line for each event. */
function noteOthers(log: FastifyBaseLogger, events: Events): void {
  const audit = 'changed_elsewhere';
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

/** The fields that may be logged, and as what: nothing that somebody has made up comes into the log. */
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

/** What a request names by such fields, before or after it was held to its schema. */
function objectsIn(fields: unknown): Objects {
  const named = Object.entries(fields ?? {}).filter(
    ([name, value]) => Object.hasOwn(loggable, name) && loggable[name]?.test(String(value)),
  );
  return Object.fromEntries(
    named.map(([name, value]) => [name, name.endsWith('id') ? Number(value) : value]),
  );
}
