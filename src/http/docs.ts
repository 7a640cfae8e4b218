/** The API's own description, made from the schemas of its routes, and a page to read and try it. */
import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import swagger from '@fastify/swagger';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifySchema, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';
import { Anything, answers, Failure } from './schema.ts';

/** A form is what the documented API asks for; JSON is taken as well. */
const consumes = ['application/x-www-form-urlencoded', 'application/json'];

/** Collects the routes that are registered after it. */
export const apiDescription = fp(
  async (app) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Snug',
          version: '1',
          description:
            'Sign in by POST /api/login or register by POST /api/user: both set the two cookies that every other request must bring. Every error is `{"error": "…"}`, one sentence that says what to do.',
        },
      },
      transform: ({ schema, url, route }) => ({ schema: describeRoute(schema, route), url }),
    });
  },
  { name: 'api-description' },
);

/** What @fastify/swagger-ui ships; of the package only these files are used. */
const assets = { 'swagger-ui.css': 'text/css', 'swagger-ui-bundle.js': 'text/javascript' };

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Snug: the API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
`;

const start = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });\n`;

/** Nothing from another host, and no script but these files. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const docsRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const forEverybody = (summary: string) => ({
    config: { access: 'everybody' } as const,
    schema: { summary, hide: true, response: answers(200, Anything) },
  });

  app.get('/openapi.json', forEverybody('The OpenAPI document'), async () => app.swagger());

  app.get('/docs', forEverybody('A page to read and try the API'), async (_, reply) =>
    reply.type('text/html').header('content-security-policy', policy).send(page),
  );

  app.get('/docs/start.js', forEverybody('The start of that page'), async (_, reply) =>
    reply.type('text/javascript').send(start),
  );

  for (const [file, type] of Object.entries(assets)) {
    app.get(`/docs/${file}`, forEverybody('A part of that page'), async (_, reply) => {
      const path = fileURLToPath(import.meta.resolve(`@fastify/swagger-ui/static/${file}`));
      reply.type(type).header('cache-control', 'public, max-age=86400');
      return createReadStream(path);
    });
  }
};

type Route = Pick<RouteOptions, 'config' | 'url'>;

/** A route as the document shows it: under its noun, with what it takes and what it refuses. */
function describeRoute(schema: FastifySchema, { config, url }: Route): FastifySchema {
  return {
    ...schema,
    tags: [nounOf(url)],
    ...(schema.body !== undefined && { consumes }),
    response: { ...(schema.response as object), ...describeRefusals(schema, config) },
  };
}

/** What a route refuses, by status: its input, who may not, and what is the route's own. */
function describeRefusals(schema: FastifySchema, config: RouteOptions['config']): object {
  const takesInput = schema.params ?? schema.querystring ?? schema.body;
  const refused = [
    ...(takesInput === undefined
      ? []
      : [[400, 'A field is missing or not as it must be.'] as const]),
    ...[
      ...(config?.access === 'everybody' ? [] : (['signed_out'] as const)),
      ...(config?.refuses ?? []),
      ...(config?.limit === undefined ? [] : (['too_often'] as const)),
    ]
      .map((code) => new Refusal(code))
      .map(({ status, message }) => [status, message] as const),
  ];
  const byStatus = Map.groupBy(refused, ([status]) => status);
  return Object.fromEntries(
    Array.from(byStatus, ([status, entries]) => [
      status,
      { ...Failure, description: entries.map(([, sentence]) => `- ${sentence}`).join('\n') },
    ]),
  );
}

/** The first word of an address behind /api: what the route is about. */
function nounOf(url: string): string {
  return url.replace(/^\/api/, '').split('/')[1] ?? '';
}
