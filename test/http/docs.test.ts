/** The API's description is valid and true, and its page needs no other host. */
import type { RouteOptions } from 'fastify';
import t, { type Test } from 'tap';
import { Refusal } from '../../src/errors.ts';
import { refused } from '../helpers/answers.ts';
import { nameOf, routesOf } from '../helpers/routes.ts';
import { type Answer, startCast, startWorld } from '../helpers/world.ts';

interface Schema {
  readonly type?: string;
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly [keyword: string]: unknown;
}

interface Content {
  readonly [type: string]: { readonly schema: Schema };
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly schema: Schema;
}

interface Operation {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Record<string, { readonly description: string; readonly content: Content }>;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Record<string, Record<string, Operation>>;
}

const form = 'application/x-www-form-urlencoded';
const json = 'application/json';

async function describe(t: Test) {
  const { nobody } = await startWorld(t);
  const answer = await nobody().get('/openapi.json');
  return { answer, document: answer.body as Document };
}

/** Every operation under the name of its route: GET /api/chats/{chat_id}. */
function operationsOf({ paths }: Document): [name: string, operation: Operation][] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(
      ([method, operation]) =>
        [`${method.toUpperCase()} ${path}`, operation] as [string, Operation],
    ),
  );
}

t.test('the description is a valid OpenAPI 3.1 document', async (t) => {
  const { answer, document } = await describe(t);
  t.equal(answer.status, 200);
  t.equal(answer.headers['content-type'], 'application/json');
  t.match(document, { openapi: /^3\.1\.\d+$/, info: { title: 'Snug', version: /./ } });
  for (const path of Object.keys(document.paths)) t.match(path, /^(\/([\w.-]+|\{\w+\}))+$/);
  for (const [name, operation] of operationsOf(document)) checkOperation(t, name, operation);
});

function checkOperation(t: Test, name: string, operation: Operation) {
  t.match(name, /^(GET|POST|PUT|DELETE) /);
  const { parameters = [], requestBody, responses } = operation;
  const places = parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
  t.equal(new Set(places).size, places.length, `${name}: each parameter once`);
  for (const { in: place, required, schema } of parameters) {
    t.match(place, /^(path|query|header)$/, name);
    t.equal(
      required === true || place !== 'path',
      true,
      `${name}: parameters in a path are required`,
    );
    checkSchema(t, name, schema);
  }
  const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, param]) => `path ${param}`);
  t.strictSame(
    places.filter((place) => place.startsWith('path')),
    inPath,
    `${name}: parameters in the path`,
  );
  t.ok(Object.keys(responses).length > 0, name);
  for (const [status, { description }] of Object.entries(responses)) {
    t.match(status, /^[245]\d\d$/, name);
    t.ok(description, `${name} ${status} has a description`);
  }
  const contents = [requestBody, ...Object.values(responses)].map((part) => part?.content ?? {});
  for (const { schema } of contents.flatMap(Object.values)) checkSchema(t, name, schema);
}

/** The keywords of JSON Schema 2020-12 used here; none of OpenAPI 3.0 is left. */
const keywords = new Set([
  ...['type', 'properties', 'required', 'items', 'enum', 'const', 'pattern', 'format', 'examples'],
  ...['minLength', 'maxLength', 'minimum', 'maximum', 'minItems', 'maxItems', 'description'],
  ...['anyOf', 'oneOf', 'allOf', 'not', 'x-error'],
]);

const types = ['object', 'array', 'string', 'integer', 'boolean', 'null'];

function checkSchema(t: Test, name: string, schema: Schema) {
  const unknown = Object.keys(schema).filter((keyword) => !keywords.has(keyword));
  t.strictSame(unknown, [], `${name}: keywords`);
  if (schema.type !== undefined) t.ok(types.includes(schema.type), `${name}: ${schema.type}`);
  const { properties, required = [], pattern } = schema;
  if (properties !== undefined) {
    const missing = required.filter((field) => properties[field] === undefined);
    t.strictSame(missing, [], `${name}: required properties are described`);
  }
  if (typeof pattern === 'string') t.ok(new RegExp(pattern, 'u'), name);
  const { anyOf = [], oneOf = [], allOf = [], not = [], items = [] } = schema;
  const parts = [Object.values(properties ?? {}), anyOf, oneOf, allOf, not, items].flat();
  for (const part of parts as Schema[]) checkSchema(t, name, part);
}

const schemaOf = (route: RouteOptions) =>
  route.schema as Record<'params' | 'querystring' | 'headers' | 'body' | 'response', Schema> & {
    readonly summary: string;
    readonly hide?: boolean;
  };

t.test('every route is described, with its input, answers and refusals', async (t) => {
  const routes = await routesOf(() => startWorld(t));
  const { document } = await describe(t);
  const operations = new Map(operationsOf(document));
  const described = routes.filter((route) => schemaOf(route).hide !== true);
  const named = described.map((route) => nameOf(route).replace(/:(\w+)/g, '{$1}'));
  t.strictSame([...operations.keys()].sort(), [...named].sort());
  t.strictSame(
    routes.filter((route) => !described.includes(route)).map(nameOf),
    [
      'GET /openapi.json',
      'GET /docs',
      'GET /docs/start.js',
      'GET /docs/swagger-ui.css',
      'GET /docs/swagger-ui-bundle.js',
      'GET /',
      'GET /favicon.ico',
      'GET /icon.svg',
      'GET /icon-192.png',
      'GET /icon-512.png',
      'GET /manifest.webmanifest',
      'GET /robots.txt',
      'GET /sw.js',
      'GET /assets/:file',
      'GET /.well-known/security.txt',
    ],
    'except the description itself and the client',
  );
  for (const [i, route] of described.entries()) {
    const operation = operations.get(named[i] ?? '');
    if (operation !== undefined) checkDescription(t, route, operation);
  }
});

function checkDescription(t: Test, route: RouteOptions, operation: Operation) {
  const name = nameOf(route);
  const { summary, params, querystring, headers, body, response } = schemaOf(route);
  t.equal(operation.summary, summary, name);
  const places = { path: params, query: querystring, header: headers };
  const expected = Object.entries(places).flatMap(([place, schema]) =>
    Object.keys(schema?.properties ?? {}).map(
      (field) => `${place} ${field} ${schema?.required?.includes(field) ?? false}`,
    ),
  );
  const given = (operation.parameters ?? []).map((one) => `${one.in} ${one.name} ${one.required}`);
  t.strictSame(given.sort(), expected.sort(), `${name}: parameters`);

  const content = operation.requestBody?.content ?? {};
  t.strictSame(Object.keys(content), body === undefined ? [] : [form, json], `${name}: bodies`);
  for (const { schema } of Object.values(content)) {
    t.strictSame(Object.keys(schema.properties ?? {}), Object.keys(body.properties ?? {}), name);
    t.strictSame(schema.required ?? [], body.required ?? [], name);
  }

  const success = Object.keys(response);
  const { public: isPublic, limit, refuses = [] } = route.config ?? {};
  const codes = [
    ...(isPublic === true ? [] : (['signed_out'] as const)),
    ...(limit === undefined ? [] : (['too_often'] as const)),
    ...refuses,
  ];
  const refusals = codes.map((code) => new Refusal(code));
  for (const { status, message } of refusals) {
    const lines = operation.responses[status]?.description.split('\n') ?? [];
    t.ok(lines.includes(`- ${message}`), `${name} ${status}: ${message}`);
    const failure = operation.responses[status]?.content[json]?.schema;
    t.strictSame(failure?.required, ['error'], `${name} ${status} has the shape of all failures`);
  }
  const takesInput = [params, querystring, body].some((schema) => schema !== undefined);
  const statuses = [...success, ...refusals.map(({ status }) => String(status))];
  if (takesInput) statuses.push('400');
  t.strictSame(Object.keys(operation.responses).sort(), [...new Set(statuses)].sort(), name);
}

t.test('the page loads only its own parts', async (t) => {
  const { nobody } = await startWorld(t);
  const page = await nobody().get('/docs');
  checkPart(t, page, 'text/html');
  const policy = String(page.headers['content-security-policy']);
  const directives = new Map(
    policy.split('; ').map((one) => [one.split(' ')[0], one.split(' ').slice(1).join(' ')]),
  );
  t.equal(directives.get('default-src'), "'none'");
  t.equal(directives.get('script-src'), "'self'", 'no inline scripts');
  t.equal(directives.get('connect-src'), "'self'");
  t.equal(directives.get('frame-ancestors'), "'none'");
  t.notMatch(policy, /https?:|\*|unsafe-eval/);
  t.notMatch(page.text, /https?:\/\/|<script(?! src=)| on\w+=/);

  const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => part ?? '');
  t.equal(parts.length, 3);
  const types: Record<string, string> = { css: 'text/css', js: 'text/javascript' };
  for (const part of parts) {
    const { pathname, origin } = new URL(part, 'http://snug/docs');
    t.equal(origin, 'http://snug');
    const answer = await nobody().get(pathname);
    checkPart(t, answer, types[pathname.split('.').at(-1) ?? ''] ?? '');
    if (pathname.endsWith('.css')) t.notMatch(answer.text, /@import|url\((?!['"]?data:)/);
    if (!pathname.endsWith('/start.js')) continue;
    const [, url = ''] = /url: '([^']+)'/.exec(answer.text) ?? [];
    t.equal(new URL(url, 'http://snug/docs').href, 'http://snug/openapi.json');
    t.match(answer.text, 'validatorUrl: null', 'no other host is asked whether it is valid');
    t.notMatch(answer.text, /https?:/);
  }
});

function checkPart(t: Test, { status, headers, text }: Answer, type: string) {
  t.equal(status, 200, type);
  t.match(headers['content-type'], type);
  t.notOk(headers['set-cookie'], type);
  t.ok(text.length > 50, type);
}

t.test('public pages are the same on every server and reveal nothing about it', async (t) => {
  const { nobody } = await startWorld(t);
  const full = await startCast(t, { PUBLIC_URL: 'https://chat.example', REGISTRATION: 'closed' });
  for (const url of ['/openapi.json', '/docs', '/docs/start.js', '/healthz']) {
    const { status, text } = await nobody().get(url);
    t.equal(status, 200, url);
    for (const person of [full.nobody(), full.alice]) {
      t.equal((await person.get(url)).text, text, `${url} by ${person.name}`);
    }
  }
});

t.test('there is nothing else next to the page', async (t) => {
  const { nobody } = await startWorld(t);
  for (const url of [
    '/docs/index.html',
    '/docs/json',
    '/docs/swagger-ui-bundle.js.map',
    '/docs/..%2fpackage.json',
    '/documentation',
    '/openapi.yaml',
    '/metrics',
    '/debug',
    '/status',
    '/admin',
    '/api/admin',
  ]) {
    refused(t, await nobody().get(url), 404, undefined, url);
  }
});
