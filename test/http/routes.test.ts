/** Properties of every route, checked on the routes that the server registers. */
import { AjvCompiler } from '@fastify/ajv-compiler';
import type { FastifyInstance, RouteOptions } from 'fastify';
import t, { type Test } from 'tap';
import { isoTime } from '../../src/http/schema.ts';
import { refused } from '../helpers/answers.ts';
import { randomNumbers, seedOf } from '../helpers/random.ts';
import {
  type Asker,
  absent,
  askers,
  enter,
  type Right,
  type Role,
  type Row,
  readRights,
  setStage,
  type Targets,
  valid,
} from '../helpers/rights.ts';
import { nameOf, routesOf } from '../helpers/routes.ts';
import { allRows } from '../helpers/rows.ts';
import { type Answer, type Person, startCast, startWorld } from '../helpers/world.ts';

const routes = await routesOf(() => startWorld(t));
const rights = readRights();
const stage = await setStage(t);

t.test('the table of rights has every route, and no other', async (t) => {
  const named = rights.map(({ route }) => route);
  const existing = routes.map(nameOf);
  const without = (some: string[], others: string[]) => some.filter((one) => !others.includes(one));
  t.strictSame(without(existing, named), [], 'routes without a row');
  t.strictSame(without(named, existing), [], 'rows without a route');
  t.equal(new Set(rights.map(({ name }) => name)).size, rights.length, 'no row twice');
});

for (const row of rights) {
  t.test(`${row.name}: only the roles in the table succeed`, async (t) => {
    const world = await enter(t, stage);
    // Before anybody asks, because a request may delete its target or its user.
    const targets = new Map<Asker, { own: Targets; others: Targets }>();
    for (const [name] of askers) targets.set(name, await world.targets(name));
    for (const [name, role] of askers) {
      const { own = absent, others = absent } = targets.get(name) ?? {};
      const right = row.rights[role];
      const person = world.asker(name);
      if (right.others !== true) await checkRefused(t, world.file, row, right, person, others);
      await checkAbsent(t, row, role, person, others);
      if (!right.own) continue;
      const answer = await ask(world.app, person, row, right.others === true ? others : own);
      t.equal(answer.status, successOf(row), name);
    }
    t.strictSame(world.leaks(), [], 'no secret is sent or logged');
  });
}

/** The status of a route's success. */
function successOf(row: Row): number {
  const route = routes.find((one) => nameOf(one) === row.route);
  return Number(Object.keys(schemaOf(route).response ?? {})[0]);
}

async function checkRefused(
  t: Test,
  file: string,
  row: Row,
  { others: status }: Right,
  person: Person,
  targets: Targets,
) {
  const before = allRows(file);
  const answer = await person.request(valid(row.name, targets));
  refused(t, answer, Number(status), undefined, person.name);
  t.strictSame(allRows(file), before, `${person.name} changes nothing`);
}

/**
 * A user who may not know what exists gets the same answer for what does not exist; other users
 * get 404.
 */
async function checkAbsent(t: Test, row: Row, role: Role, person: Person, there: Targets) {
  const places = row.name.match(/\{(?!emoji|file)\w+\}|\?(?!q=)\w+=/g) ?? [];
  if (places.length === 0) return;
  const send = (targets: Targets) => person.request(valid(row.name, targets));
  const learnsNothing = async (answer: Answer) => {
    t.equal(answer.text, (await send(there)).text, `${person.name} learns nothing`);
  };
  const nowhere = await send(absent);
  const isForAdmins = row.route.includes('/api/users') && role !== 'admin';
  if (role === 'nobody' || isForAdmins) return learnsNothing(nowhere);
  refused(t, nowhere, 404, undefined, `${person.name}: absent`);

  if (places.length < 2 || !row.route.includes(':chat_id')) return;
  const inChat = await send({ ...absent, chat_id: there.chat_id });
  if (['outsider', 'admin'].includes(role)) return learnsNothing(inChat);
  if (row.rights[role].others === true) refused(t, inChat, 404, undefined, `${person.name}: gone`);
}

/** Requests what is allowed; of an endless answer it reads only the head. */
async function ask(
  app: FastifyInstance,
  person: Person,
  row: Row,
  targets: Targets,
): Promise<Pick<Answer, 'status'>> {
  const request = valid(row.name, targets, person.name);
  if (row.route !== 'GET /api/events') return person.request(request);
  const { cookies } = person;
  const response = await app.inject({ ...request, cookies, payloadAsStream: true });
  response.stream().destroy();
  return { status: response.statusCode };
}

t.test('an admin sees nothing of a chat that they are not in', async (t) => {
  const { asker } = await enter(t, stage);
  await asker('alice').send(stage.chat, 'hello, among us');
  const root = asker('root');
  for (const url of ['/api/chats', '/api/directory', '/api/search?q=among', '/api/users']) {
    const answer = await root.get(url);
    t.equal(answer.status, 200, url);
    t.notMatch(answer.text, /Sunday hike|among us/, url);
  }
  t.match((await asker('bob').get('/api/search?q=among')).text, 'among');
});

/** Headers of every answer. */
const everywhere = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Pages that a browser runs have their own policy, which forbids framing as well. */
const programs = new Set(['GET /', 'GET /docs', 'GET /sw.js']);

/** Files may be cached. */
const isFile = (row: Row) => /^GET \/(docs(\/.*)?|assets\/.*|[^/]*\.\w+)?$/.test(row.route);

t.test('every answer has the same security headers', async (t) => {
  const { app, asker, targets } = await enter(t, stage);
  const check = (name: string, { headers }: { headers: object }, row?: Row) => {
    const get = (header: string) => Reflect.get(headers, header) as string | undefined;
    t.match(headers, everywhere, name);
    const policy = get('content-security-policy');
    if (row !== undefined && programs.has(row.route)) t.match(policy, /frame-ancestors 'none'/);
    else t.equal(policy, "default-src 'none'; frame-ancestors 'none'", name);
    if (row === undefined || !isFile(row)) t.equal(get('cache-control'), 'no-store', name);
    t.equal(get('strict-transport-security'), undefined, 'not over http');
    t.notMatch(Object.keys(headers).join(), 'access-control', name);
  };
  const { own } = await targets('bob');
  for (const row of rights) {
    const { cookies } = asker('bob');
    for (const jar of [{}, cookies]) {
      const request = { ...valid(row.name, own), cookies: jar, payloadAsStream: true } as const;
      const response = await app.inject(request);
      response.stream().destroy();
      const isDone = response.statusCode < 300;
      check(`${row.name} ${response.statusCode}`, response, isDone ? row : undefined);
    }
  }
  for (const url of ['/nothing', '/%zz', '/api/chats/x']) check(url, await asker('bob').get(url));
});

t.test('an answer over https requires https from then on', async (t) => {
  const { nobody } = await startWorld(t, { TRUST_PROXY: '127.0.0.1' });
  for (const url of ['/', '/api/chats', '/nothing', '/healthz']) {
    const { headers } = await nobody().get(url, { 'x-forwarded-proto': 'https' });
    t.equal(headers['strict-transport-security'], 'max-age=31536000', url);
    const plain = await nobody().get(url, { 'x-forwarded-proto': 'http' });
    t.equal(plain.headers['strict-transport-security'], undefined, url);
  }
});

t.test('no route answers a method other than its own', async (t) => {
  const { asker, targets, file } = await enter(t, stage);
  const { own } = await targets('bob');
  const person = asker('bob');
  const before = allRows(file);
  const existing = new Set(routes.map(nameOf));
  for (const { route, name } of rights) {
    const { url } = valid(name, own);
    const path = route.split(' ')[1];
    for (const method of ['OPTIONS', 'TRACE', 'PATCH', 'PROPFIND', 'POST', 'PUT', 'DELETE']) {
      if (existing.has(`${method} ${path}`) || path?.startsWith('/assets')) continue;
      // The public original of the API registers there.
      if (method === 'POST' && path === '/api/user/:user_id') continue;
      const answer = await person.request({ method: method as 'GET', url });
      const isPage = path?.startsWith('/api') !== true;
      if (method === 'OPTIONS' && isPage) t.equal(answer.status, 204, url);
      else refused(t, answer, isPage ? 405 : 404, undefined, `${method} ${url}`);
    }
  }
  t.strictSame(allRows(file), before);
});

/** A GET that changes something, or does not end. */
const forGetOnly = ['GET /api/logout', 'GET /api/events'];

t.test('HEAD answers like GET, without a body, if GET changes nothing', async (t) => {
  const { asker, targets, file } = await enter(t, stage);
  const { own } = await targets('bob');
  const before = allRows(file);
  const byHead = new Set<string>();
  for (const person of [asker('bob'), asker('nobody')]) {
    for (const { route, name } of rights) {
      const { url } = valid(name, own);
      const path = route.split(' ')[1];
      const head = await person.request({ method: 'HEAD', url });
      t.equal(head.text, '', `HEAD ${url}`);
      if (forGetOnly.includes(route) || !routes.some((one) => nameOf(one) === `GET ${path}`)) {
        t.equal(head.status, 404, `HEAD ${url}`);
        continue;
      }
      const get = await person.get(url);
      const { date: _, ...headers } = get.headers;
      const { date: __, ...same } = head.headers;
      t.equal(head.status, get.status, `HEAD ${url}`);
      t.strictSame(same, headers, `HEAD ${url}`);
      byHead.add(path ?? '');
    }
  }
  t.ok(byHead.size > 25, `${byHead.size}`);
  t.strictSame(allRows(file), before);
});

t.test('every address may end with a slash', async (t) => {
  const { asker, file } = await enter(t, stage);
  const before = allRows(file);
  for (const { name } of rights) {
    const { method, url, payload } = valid(name, absent);
    // Without cookies most are refused; without their fields, so are the others.
    const ask = (url: string) =>
      asker('nobody').request({ method, url, ...(payload && { payload: {} }) });
    const slashed = url.replace(/\/?(?=\?|$)/, '/');
    const [one, other] = [await ask(url), await ask(slashed)];
    t.not(other.headers['error-code'], 'no_route', slashed);
    t.strictSame(
      [other.status, other.headers['error-code'], other.text],
      [one.status, one.headers['error-code'], one.text],
      `${method} ${slashed}`,
    );
  }
  t.strictSame(allRows(file), before);
});

/** Routes that need only their address. */
const bodiless = new Set([
  'POST /api/chats/:chat_id/typing',
  'POST /api/invites/:code',
  'PUT /api/chats/:chat_id/messages/:id/reactions/:emoji',
]);

t.test('every route declares its input and its answers', async (t) => {
  for (const route of routes) {
    const { summary, hide, params, body, response } = schemaOf(route);
    t.match(summary, /^[A-Z].*[^.]$/, `${nameOf(route)} has a summary`);
    t.match(Object.keys(response ?? {}), [/^20[01]$/], `${nameOf(route)} declares its success`);
    t.equal(Object.keys(response ?? {}).length, 1, `${nameOf(route)} declares nothing else`);
    const refuses = route.config?.refuses;
    if (hide !== true) t.ok(refuses, `${nameOf(route)} declares what it refuses`);
    t.equal(new Set(refuses).size, refuses?.length ?? 0, `${nameOf(route)} declares it once`);
    const inPath = [...route.url.matchAll(/:(\w+)/g)].map(([, param]) => param);
    t.strictSame(Object.keys(params?.properties ?? {}), inPath, `${nameOf(route)} params`);
    const mayHaveBody = /^(POST|PUT) |^DELETE \/api\/user/.test(nameOf(route));
    const takesBody = mayHaveBody && !bodiless.has(nameOf(route));
    t.equal(body !== undefined, takesBody, `${nameOf(route)} body`);
  }
});

t.test('the schemas of every route’s input are valid JSON Schema', async (t) => {
  // The server itself does not check: see validateSchema in app.ts.
  const build = AjvCompiler();
  const compile = build({}, { customOptions: { keywords: ['x-error'] } });
  const check = (schema: FieldSchema) => void compile({ schema } as never);
  t.throws(() => check({ type: 'strnig' }), /schema is invalid/);
  for (const route of routes) {
    const { params, querystring, headers, body } = schemaOf(route);
    for (const schema of [params, querystring, headers, body]) {
      if (schema !== undefined) t.doesNotThrow(() => check(schema), nameOf(route));
    }
  }
});

t.test('every field has a sentence for invalid values', async (t) => {
  for (const route of routes) {
    const { params, querystring, headers, body } = schemaOf(route);
    for (const [field, schema] of [params, querystring, headers, body].flatMap(fieldsOf)) {
      const name = `${nameOf(route)}: ${field}`;
      t.match(schema['x-error'], /^[A-Z].*\.$/, name);
      if (schema.enum === undefined) t.equal(schema.type, 'string', `${name} comes as text`);
      else
        t.ok(
          schema.enum.every((value) => typeof value === 'string'),
          `${name} comes as text`,
        );
      const isBound = schema.pattern ?? schema.enum ?? schema.const;
      t.ok(isBound ?? (lengthOnly.has(field) && schema.maxLength), `${name} has a bound`);
    }
  }
});

/** Beyond the patterns of JSON Schema: emoji; a header's bytes are limited by HTTP. */
const lengthOnly = new Set(['emoji', 'idempotency-key']);

const idFields = new Set(['chat_id', 'user_id', 'id', 'before', 'after']);

const badIds = [
  ...['0', '-1', '+1', '%2B1', '01', '1.0', '1.5', '1e3', '0x10', '%20', '1%20', '%201', '%2531'],
  ...[
    '%EF%BC%91',
    'true',
    'null',
    'NaN',
    'Infinity',
    'undefined',
    '%5B%5D',
    '%7B%7D',
    "''",
    '1%00',
  ],
  ...['1;2', '1,2', '*', '1%20OR%201=1', '%D9%A1', '1%0A', '9007199254740991', '9007199254740992'],
  ...['9007199254740993', '9223372036854775807', '9223372036854775808', '1000000000000000'],
  ...['1e309', '1'.repeat(101), '9'.repeat(400), '%252e'],
];

const goodIds = ['2147483648', '4294967297', '999999999999999', '100000000000000'];

t.test('an id must be canonical decimal, wherever it is used', async (t) => {
  const { alice, file, chat } = await startCast(t);
  const own = { chat_id: Number(chat.split('/').at(-1)), user_id: alice.id };
  const targets = { ...absent, ...own, id: await alice.send(chat, 'stays') };
  const before = allRows(file);
  for (const route of routes) {
    for (const [place, request] of idPlaces(route, targets)) {
      for (const id of ['', ...badIds, ...goodIds]) {
        // An address that ends early is another one.
        if (id === '' && route.url.includes(`:${place}`)) continue;
        const answer = await alice.request(request(id));
        const name = `${nameOf(route)} ${place}=${id.slice(0, 30)}`;
        if (!goodIds.includes(id)) refused(t, answer, 400, undefined, name);
        else if (isMark(place, route)) t.equal(answer.status, 200, name);
        else refused(t, answer, 404, undefined, name);
      }
    }
  }
  t.strictSame(allRows(file), before);
});

/** Whether an id only marks a point in time, where nothing need exist. */
const isMark = (place: string, { url }: RouteOptions) =>
  ['before', 'after'].includes(place) || (url.endsWith('/read') && place === 'id in the body');

t.test('query parameters must have their exact names, once each', async (t) => {
  const { alice, file, chat } = await startCast(t);
  const invite = String((await alice.post(`${chat}/invites`)).headers.location);
  const own = { chat_id: Number(chat.split('/').at(-1)), user_id: alice.id, name: 'alice' };
  const { session } = (await alice.get('/api/session')).body;
  const targets = {
    ...{ ...absent, ...own, id: await alice.send(chat, 'hello'), session: session.id },
    code: invite.split('/').at(-1) ?? '',
  };
  const before = allRows(file);
  const named = rights.filter(({ name }) => name.includes('?'));
  t.ok(named.length > 5);
  for (const { name, route } of named) {
    const request = valid(name, targets);
    const [path = '', query = ''] = request.url.split('?');
    const [field = '', value = ''] = query.split('&')[0]?.split('=') ?? [];
    const doubled = [`${query}&${field}=${value}`, `${field}=x&${query}`];
    const others = [`${field}[]=`, `${field}[0]=`, `${field}[x]=`, `${field.toUpperCase()}=`];
    // Without its chat a search covers all chats.
    const isOptional = name === 'GET /api/search?chat_id=';
    const without = isOptional
      ? []
      : ['', ...others.map((other) => query.replace(`${field}=`, other))];
    for (const odd of [...doubled, ...without, query.replace(`=${value}`, `=${value};x`)]) {
      // A search takes any text, and so does the name of an unknown user.
      if (odd.endsWith(';x') && ['q', 'name'].includes(field)) continue;
      const answer = await alice.request({ ...request, url: `${path}?${odd}` });
      refused(t, answer, 400, undefined, `${route} ?${odd}`);
    }
    if (request.method !== ('DELETE' as string)) continue;
    const fields = { [field]: value };
    refused(t, await alice.form('DELETE', path, fields), 400, undefined, `${route}: in the body`);
  }
  t.strictSame(allRows(file), before);
});

/** The places where a route takes an id, each with a way to insert one unescaped. */
function idPlaces(route: RouteOptions, targets: Targets) {
  const name = rights.find((row) => row.route === nameOf(route))?.name ?? '';
  const { url, ...rest } = valid(name, targets);
  const inQuery = fieldsOf(schemaOf(route).querystring).map(([field]) => field);
  const inPath = [...route.url.matchAll(/:(\w+)/g)].map(([, param]) => String(param));
  const query = (field: string) => {
    const others = url.replace(new RegExp(`([?&])${field}=[^&]*`), '$1');
    return `${others}${others.includes('?') ? '&' : '?'}${field}=MARK`;
  };
  const path = (param: string) => valid(name, { ...targets, [param]: 'MARK' }).url;
  const body = fieldsOf(schemaOf(route).body)
    .map(([field]) => field)
    .filter((field) => ['id', 'reply_to'].includes(field));
  const inBody = body.map((field) => {
    const put = (id: string) => ({
      ...{ ...rest, url },
      payload: { ...rest.payload, [field]: decodeURIComponent(id) },
    });
    return [`${field} in the body`, put] as const;
  });
  const inAddress = [
    ...inQuery
      .filter((field) => idFields.has(field))
      .map((field) => [field, query(field)] as const),
    ...inPath.filter((param) => idFields.has(param)).map((param) => [param, path(param)] as const),
  ].map(([place, marked]) => {
    const put = (id: string) => ({ ...rest, url: marked.replace('MARK', () => id) });
    return [place, put] as const;
  });
  return [...inAddress, ...inBody];
}

interface FieldSchema {
  readonly 'x-error'?: string;
  readonly type?: string;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly maxLength?: number;
  readonly properties?: Record<string, FieldSchema>;
}

interface RouteSchema {
  readonly summary?: string;
  readonly hide?: boolean;
  readonly params?: FieldSchema;
  readonly querystring?: FieldSchema;
  readonly headers?: FieldSchema;
  readonly body?: FieldSchema;
  readonly response?: Record<string, unknown>;
}

const schemaOf = (route?: RouteOptions) => (route?.schema ?? {}) as RouteSchema;
const fieldsOf = (schema?: FieldSchema) => Object.entries(schema?.properties ?? {});

t.test('a time is written as JavaScript writes it', async (t) => {
  const chance = randomNumbers(seedOf(t));
  const days = Array.from(
    { length: 500 },
    () => Math.floor((chance() - 0.2) * 60_000) * 86_400_000,
  );
  const times = days.flatMap((day) => [day - 1, day, day + Math.floor(chance() * 86_400_000)]);
  for (const time of times) {
    if (isoTime(time) !== new Date(time).toISOString()) t.equal(isoTime(time), time);
  }
  t.equal(isoTime(Date.UTC(2026, 10, 22, 8, 35, 52, 123)), '2026-11-22T08:35:52.123Z');
});
