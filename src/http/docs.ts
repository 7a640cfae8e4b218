/** The API's description, generated from the schemas of its routes, and a page to try it out. */
import swagger from '@fastify/swagger';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';
import { type Files, ifUnchanged, type Servable, serve } from './files.ts';
import { compressed, generatedFile } from './generated-files.ts';
import { Anything, answers, Failure } from './schema.ts';
import { jsonType } from './send.ts';

/** The documented API asks for forms; JSON is accepted too. */
const consumes = ['application/x-www-form-urlencoded', 'application/json'];

/** Collects the routes that are registered after this plugin. */
export const apiDescription = fp(
  async (app) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Snug',
          version: '1',
          description:
            'Sign in with POST /api/login or register with POST /api/user: both set the two cookies that every other request must send. Every error is `{"error": "…"}`, one sentence that says what to do.',
        },
      },
      transform: ({ schema, url, route }) => ({ schema: describeRoute(schema, route), url }),
    });
  },
  { name: 'api-description' },
);

/** The files of Swagger UI that the build includes. */
const assets = ['swagger-ui.css', 'swagger-ui-bundle.js'];

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Snug: the API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
`;

const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });\n`;

/** Allows nothing from another host, and no scripts but these files. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const docsRoutes: FastifyPluginAsyncTypebox<{ files: Files }> = async (app, { files }) => {
  const openTo = (summary: string) => ({
    config: { public: true, refuses: ['no_client'] } as const,
    schema: { summary, hide: true, response: answers(200, Anything) },
  });
  const get = (path: string, summary: string, find: () => Servable | undefined, csp?: string) =>
    app.get(path, openTo(summary), async (request, reply) => {
      const found = find();
      if (found === undefined) throw new Refusal('no_client');
      if (csp !== undefined) reply.header('content-security-policy', csp);
      serve(request, reply, found, ifUnchanged);
      return reply;
    });

  const json = compressed(generatedFile(jsonType, () => describe(app)));
  const html = generatedFile('text/html; charset=utf-8', () => page);
  const script = generatedFile('text/javascript; charset=utf-8', () => start);
  get('/openapi.json', 'The OpenAPI document', () => json);
  get('/docs', 'A page to read and try the API', () => html, policy);
  get('/docs/start.js', 'The start of that page', () => script);
  for (const name of assets) {
    get(`/docs/${name}`, 'A part of that page', () => files.find(`docs/${name}`));
  }
};

type Route = Pick<RouteOptions, 'config' | 'url'>;

/** A route as the document shows it: under its noun, with its input and its refusals. */
function describeRoute(schema: FastifySchema, { config, url }: Route): FastifySchema {
  return {
    ...schema,
    tags: [nounOf(url)],
    ...(schema.body !== undefined && { consumes }),
    response: { ...(schema.response as object), ...describeRefusals(schema, config) },
  };
}

/** The refusals of a route, by status: invalid input, missing rights, and the route's own. */
function describeRefusals(schema: FastifySchema, config: RouteOptions['config']): object {
  const takesInput = schema.params ?? schema.querystring ?? schema.body;
  const refused = [
    ...(takesInput === undefined ? [] : [[400, 'A field is missing or invalid.'] as const]),
    ...[
      ...(config?.public === true ? [] : (['signed_out'] as const)),
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

/** The document, without the HEAD route of each GET. */
function describe(app: FastifyInstance): string {
  const document = app.swagger();
  const paths: Record<string, { head?: unknown } | undefined> = document.paths ?? {};
  for (const path of Object.values(paths)) delete path?.head;
  return JSON.stringify(document);
}

/** The first segment of a path behind /api: the noun of the route. */
function nounOf(url: string): string {
  return url.replace(/^\/api/, '').split('/')[1] ?? '';
}
