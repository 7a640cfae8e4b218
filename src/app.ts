/**
 * The table of contents of the server: its plugins and routes, in the order in which they apply.
 */
import { maxHeaderSize } from 'node:http';
import cookie, { type CookieSerializeOptions } from '@fastify/cookie';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { adminRoutes } from './accounts/admin-routes.ts';
import { userRoutes } from './accounts/routes.ts';
import { chatRoutes } from './chats/routes.ts';
import { buildOf, webRoutes } from './client.ts';
import type { Config } from './config.ts';
import type { Store } from './db/store.ts';
import { eventRoutes } from './events/routes.ts';
import { healthRoutes } from './health.ts';
import { admission } from './http/admission.ts';
import { withoutAlias } from './http/aliases.ts';
import { audit } from './http/audit.ts';
import { backpressure } from './http/backpressure.ts';
import { checks } from './http/checks.ts';
import { compilersFactory } from './http/compilers.ts';
import { compress } from './http/compress.ts';
import { connections } from './http/connections.ts';
import { DailyQuotas } from './http/daily.ts';
import { apiDescription, docsRoutes } from './http/docs.ts';
import {
  answerClientError,
  answerFailure,
  answerUnreadable,
  invalidInput,
} from './http/failures.ts';
import { Files } from './http/files.ts';
import { form } from './http/form.ts';
import { gracefulShutdown } from './http/graceful-shutdown.ts';
import { head } from './http/head.ts';
import { headers } from './http/headers.ts';
import { hosts } from './http/hosts.ts';
import { isLocalTo } from './http/is-local.ts';
import { json } from './http/json.ts';
import { loadShedding } from './http/load-shedding.ts';
import { notFound } from './http/not-found.ts';
import { proxies } from './http/proxies.ts';
import { rateLimit } from './http/rate-limit.ts';
import { readLimit } from './http/read-limit.ts';
import { RequestLog } from './http/request-log.ts';
import { requestSanity } from './http/request-sanity.ts';
import { sameOrigin } from './http/same-origin.ts';
import { securityTxtRoutes } from './http/security-txt.ts';
import { sending } from './http/send.ts';
import { WideLimits } from './http/wide-limits.ts';
import { inviteRoutes } from './invites/routes.ts';
import { memberRoutes } from './members/routes.ts';
import { reactionRoutes } from './messages/reaction-routes.ts';
import { messageRoutes } from './messages/routes.ts';
import { searchRoutes } from './search/routes.ts';
import { diskReserve } from './server/disk-reserve.ts';
import { authentication } from './sessions/authentication.ts';
import { LoginThrottle } from './sessions/login-throttle.ts';
import { sessionRoutes } from './sessions/routes.ts';

/** The longest message with each character written as two JSON escapes, and some room. */
const bodyLimit = 64 * 1024;

/** The time limits for a whole request and for its headers, in ms. */
const requestTimeout = 30_000;
const headersTimeout = 10_000;

/**
 * How long an idle connection stays open, in ms: longer than nginx and HAProxy keep one by default,
 * and Apache as documented (60 s each). A proxy that sends a request on a connection that is being
 * closed answers with 502. Caddy keeps one for 120 s, but drops it once it is closed.
 */
const keepAliveTimeout = 72_000;

/** How often to check for connections over these limits, in ms. */
const connectionsCheckingInterval = 2_000;

/**
 * Cookies are compared as they were sent: `%31` is no way to write 1. The types lack this option.
 */
const asTheyAre = { decode: (value: string) => value } as CookieSerializeOptions;

export interface AppOptions {
  readonly config: Pick<
    Config,
    | 'allowedHosts'
    | 'daily'
    | 'diskReserve'
    | 'emails'
    | 'nameHold'
    | 'publicUrl'
    | 'quotas'
    | 'rateLimit'
    | 'registration'
    | 'securityContact'
    | 'trustProxy'
  >;
  readonly db: Store;
  /** The time in ms since 1970. */
  readonly clock?: () => number;
  /** A monotonic time in ms, for limits on how often something may be done. */
  readonly ticks?: () => number;
  readonly logger?: FastifyBaseLogger;
  readonly areBackupsLate?: () => boolean;
}

/** Builds the server around an open database; it does not listen yet. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { config, db, clock = Date.now, ticks = () => performance.now(), logger } = options;
  const { areBackupsLate = () => false } = options;
  const app = Fastify({
    ...(logger !== undefined && { loggerInstance: logger }),
    logController: new RequestLog(),
    trustProxy: config.trustProxy,
    bodyLimit,
    requestTimeout,
    keepAliveTimeout,
    // http/request-sanity.ts requires a host instead, with an answer that says so.
    http: { headersTimeout, connectionsCheckingInterval, requireHostHeader: false },
    // http/graceful-shutdown.ts answers this instead, in our words.
    return503OnClosing: false,
    exposeHeadRoutes: false,
    // No address is longer, so a value in one is judged only by its schema.
    routerOptions: { maxParamLength: maxHeaderSize, ignoreTrailingSlash: true },
    rewriteUrl: withoutAlias,
    frameworkErrors: answerUnreadable,
    clientErrorHandler: answerClientError,
    schemaErrorFormatter: invalidInput,
    schemaController: { compilersFactory },
    ajv: {
      customOptions: {
        // Fastify's defaults turn `1e3` into 1000 and drop unknown fields: see CONTRIBUTING.md.
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        verbose: true,
        keywords: ['x-error'],
        // Schemas change only with the program, so the tests validate them instead of each start.
        validateSchema: false,
      },
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.setErrorHandler(answerFailure);
  app.removeContentTypeParser('text/plain');
  app.register(headers);
  app.register(checks);
  app.register(requestSanity);
  app.register(proxies, { trustProxy: config.trustProxy });
  app.register(hosts, { publicUrl: config.publicUrl, allowedHosts: config.allowedHosts });
  app.register(gracefulShutdown);
  app.register(admission);
  app.register(connections, { trustProxy: config.trustProxy });
  app.register(loadShedding);
  app.register(form, { bodyLimit });
  app.register(json);
  app.register(cookie, { parseOptions: asTheyAre });
  app.register(audit, { db });
  app.register(sameOrigin, { publicUrl: config.publicUrl });
  app.register(authentication, { db, clock, publicUrl: config.publicUrl });
  app.register(backpressure);
  app.register(sending);
  if (config.rateLimit) {
    app.register(rateLimit, { ticks });
    app.register(readLimit, { ticks });
  }
  app.register(compress);
  app.register(diskReserve, { db, reserve: config.diskReserve, ticks });
  const daily = new DailyQuotas(ticks, config.daily);
  const loginThrottle = new LoginThrottle(ticks, { isOn: config.rateLimit });
  const wideLimits = new WideLimits(ticks, { isOn: config.rateLimit });

  const files = Files.open();
  app.addHook('onClose', async () => files.close());
  app.register(notFound);
  app.register(head);
  app.register(apiDescription);
  app.register(docsRoutes, { files });
  const isLocal = isLocalTo(config.trustProxy);
  const { registration, nameHold, emails, quotas } = config;
  app.register(webRoutes, { db, files, registration, emails, isLocal });
  const { securityContact: contact, publicUrl } = config;
  app.register(securityTxtRoutes, { contact, publicUrl, clock });
  app.register(healthRoutes, { db, isLocal, areBackupsLate });
  const signingIn = { clock, loginThrottle, wideLimits };
  app.register(sessionRoutes, { prefix: '/api', db, quotas, ...signingIn });
  const accounts = { db, daily, emails, nameHold, registration, isLocal, ...signingIn };
  app.register(userRoutes, { prefix: '/api', ...accounts });
  app.register(chatRoutes, { prefix: '/api', db, quotas });
  app.register(memberRoutes, { prefix: '/api', db, quotas });
  app.register(inviteRoutes, { prefix: '/api', db, quotas, clock });
  app.register(messageRoutes, { prefix: '/api', db, daily });
  app.register(reactionRoutes, { prefix: '/api', db });
  app.register(searchRoutes, { prefix: '/api', db });
  app.register(eventRoutes, { prefix: '/api', db, clock, build: buildOf(files) });
  app.register(adminRoutes, { prefix: '/api', db });
  return app;
}
