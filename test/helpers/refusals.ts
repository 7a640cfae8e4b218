/**
 * Checks a promise of the API's description: if a route refuses for a reason that is not in its
 * `config.refuses`, the description is wrong.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal, type RefusalCode } from '../../src/errors.ts';

/** The refusals that any route may give. */
const general: readonly RefusalCode[] = [
  ...(['bad_request', 'bad_url', 'bad_body', 'bad_encoding', 'body_type'] as const),
  ...([
    'body_too_large',
    'headers_too_large',
    'too_slow',
    'busy',
    'disk_full',
    'stopping',
  ] as const),
  ...(['cross_site', 'misdirected', 'too_often', 'read_only', 'disk_low'] as const),
  ...(['storage_failed', 'internal'] as const),
];

const found = new WeakMap<FastifyInstance, Set<string>>();

/** The refusals that a server's routes gave without having declared them. */
export function undeclaredOf(app: FastifyInstance): readonly string[] {
  return [...(found.get(app) ?? [])];
}

// Hooks must be added before the routes; only the framework's own channel is early enough.
subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { fastify: FastifyInstance };
  const undeclared = new Set<string>();
  found.set(fastify, undeclared);
  fastify.addHook('onError', async (request, _, error) => {
    if (request.is404 || !(error instanceof Refusal) || isDeclared(request, error.code)) return;
    undeclared.add(`${request.method} ${request.routeOptions.url}: ${error.code}`);
  });
});

function isDeclared({ routeOptions }: FastifyRequest, code: RefusalCode): boolean {
  const { public: isPublic, refuses = [] } = routeOptions.config;
  if (code === 'signed_out' && isPublic !== true) return true;
  return [...general, ...refuses].includes(code);
}
