/** What holds for every route, asserted over the routes that the server itself has. */
import type { RouteOptions } from 'fastify';
import t, { type Test } from 'tap';
import { refused } from '../helpers/answers.ts';
import { nameOf, routesOf } from '../helpers/routes.ts';
import { allRows } from '../helpers/rows.ts';
import { type Answer, type Person, password, startCast, startWorld } from '../helpers/world.ts';

const roles = ['nobody', 'forged', 'stranger', 'former', 'member', 'owner'] as const;
type Role = (typeof roles)[number];

/** What each role is answered, in the order of `roles`, where the chat is there and is alice's. */
const rights: Record<string, readonly number[]> = {
  'GET /healthz': [200, 200, 200, 200, 200, 200],
  'POST /api/login': [200, 200, 200, 200, 200, 200],
  'GET /api/logout': [403, 403, 200, 200, 200, 200],
  'POST /api/user': [201, 201, 201, 201, 201, 201],
  'GET /api/user': [403, 403, 200, 200, 200, 200],
  'GET /api/user/:user_id': [403, 403, 200, 200, 200, 200],
  'PUT /api/user': [403, 403, 200, 200, 200, 200],
  'PUT /api/user/:user_id': [403, 403, 403, 403, 403, 200],
  'DELETE /api/user': [403, 403, 200, 200, 200, 200],
  'DELETE /api/user/:user_id': [403, 403, 403, 403, 403, 200],
  'GET /api/chats': [403, 403, 200, 200, 200, 200],
  'POST /api/chats': [403, 403, 201, 201, 201, 201],
  'DELETE /api/chats': [403, 403, 403, 403, 200, 200],
  'GET /api/chats/:chat_id': [403, 403, 403, 403, 200, 200],
  'POST /api/chats/:chat_id': [403, 403, 403, 403, 201, 201],
  'PUT /api/chats/:chat_id': [403, 403, 403, 403, 200, 200],
  'DELETE /api/chats/:chat_id': [403, 403, 403, 403, 200, 200],
  'GET /api/chats/:chat_id/members': [403, 403, 403, 403, 200, 200],
  'POST /api/chats/:chat_id/members': [403, 403, 403, 403, 201, 201],
};

/** Ids for a request: of what is there, or of what never was. */
interface Ids {
  readonly user_id: number;
  readonly chat_id: number;
  readonly id: number;
}

const absent: Ids = { user_id: 999_999, chat_id: 999_999, id: 999_999 };

/** A request that is right in all but, perhaps, who makes it. */
function valid(name: string, ids: Ids, tag = 'x') {
  const [method = '', pattern = ''] = name.split(' ');
  const path = pattern.replace(/:(\w+)/g, (_, param: keyof Ids) => String(ids[param]));
  const query: Record<string, string> = {
    'GET /api/user': '?name=alice',
    'DELETE /api/chats': `?chat_id=${ids.chat_id}`,
    'DELETE /api/chats/:chat_id': `?id=${ids.id}`,
  };
  const body: Record<string, Record<string, string>> = {
    'POST /api/login': { name: 'alice', password },
    'POST /api/user': { name: `new ${tag}`, password, email: `new-${tag}@example.org` },
    'PUT /api/user': { email: `put-${tag}@example.org` },
    'PUT /api/user/:user_id': { email: `put-${tag}@example.org` },
    'POST /api/chats': { title: 'new' },
    'PUT /api/chats/:chat_id': { title: 'new' },
    'POST /api/chats/:chat_id': { content: 'new' },
    'POST /api/chats/:chat_id/members': { name: tag === 'owner' ? 'dave' : 'carol' },
  };
  const payload = body[name];
  const url = path + (query[name] ?? '');
  return { method: method as 'GET', url, ...(payload && { payload }) };
}

/** The cast in all its roles; everybody who was ever in the chat has a message in it. */
async function startRoles(t: Test) {
  const world = await startCast(t);
  const { alice, bob, carol, chat, nobody, register } = world;
  const dave = await register('dave');
  await alice.post(`${chat}/members`, { name: 'dave' });
  const chat_id = Number(chat.split('/').at(-1));
  const ids = async (writer: Person): Promise<Ids> => ({
    user_id: alice.id,
    chat_id,
    id: await writer.send(chat, writer.name),
  });
  const [ofAlice, ofBob, ofDave] = [await ids(alice), await ids(bob), await ids(dave)];
  await dave.delete(`/api/chats?chat_id=${chat_id}`);
  const cookies = { user_id: String(alice.id), token: 'A'.repeat(43) };
  const forged = Object.assign(nobody(), { cookies });
  const cast: Record<Role, readonly [Person, Ids]> = {
    nobody: [nobody(), ofAlice],
    forged: [forged, ofAlice],
    stranger: [carol, ofAlice],
    former: [dave, ofDave],
    member: [bob, ofBob],
    owner: [alice, ofAlice],
  };
  return { ...world, cast };
}

const routes = await routesOf(() => startWorld(t));

t.test('no route is missing from the table of rights', async (t) => {
  t.strictSame(routes.map(nameOf).sort(), Object.keys(rights).sort());
});

for (const name of routes.map(nameOf)) {
  t.test(`${name}: who may`, async (t) => {
    const { cast, file } = await startRoles(t);
    for (const [i, role] of roles.entries()) {
      const [person, ids] = cast[role];
      const status = rights[name]?.[i] ?? 0;
      const before = allRows(file);
      const answer = await person.request(valid(name, ids, role));
      if (status < 400) {
        t.equal(answer.status, status, role);
        continue;
      }
      refused(t, answer, status, undefined, role);
      t.strictSame(allRows(file), before, `${role} changes nothing`);
      await checkAbsent(t, name, role, person, answer);
    }
  });
}

/** Who is not signed in learns nothing of what is there; who is, gets a 404 for what is not. */
async function checkAbsent(t: Test, name: string, role: Role, person: Person, there: Answer) {
  const answer = await person.request(valid(name, absent));
  if (role === 'nobody' || role === 'forged') t.equal(answer.text, there.text, role);
  else refused(t, answer, 404, undefined, role);
}

t.test('every route says what it takes and gives', async (t) => {
  for (const route of routes) {
    const { summary, params, body, response } = schemaOf(route);
    t.match(summary, /^[A-Z].*[^.]$/, `${nameOf(route)} has a summary`);
    t.strictSame(
      Object.keys(response ?? {}).filter((status) => status.endsWith('xx')),
      ['4xx', '5xx'],
      `${nameOf(route)} declares its failures`,
    );
    t.equal(Object.keys(response ?? {}).length, 3, `${nameOf(route)} declares its success`);
    const inPath = [...route.url.matchAll(/:(\w+)/g)].map(([, param]) => param);
    t.strictSame(Object.keys(params?.properties ?? {}), inPath, `${nameOf(route)} params`);
    const takesBody = ['POST', 'PUT'].includes(String(route.method));
    t.equal(body !== undefined, takesBody, `${nameOf(route)} body`);
  }
});

t.test('every field has a sentence for whoever gets it wrong', async (t) => {
  for (const route of routes) {
    const { params, querystring, body } = schemaOf(route);
    for (const [field, schema] of [params, querystring, body].flatMap(fieldsOf)) {
      t.match(schema['x-error'], /^[A-Z].*\.$/, `${nameOf(route)}: ${field}`);
      t.equal(schema.type, 'string', `${nameOf(route)}: ${field} comes as text`);
      t.ok(schema.pattern, `${nameOf(route)}: ${field} says what it may be`);
    }
  }
});

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

t.test('an id is canonical decimal, wherever it stands', async (t) => {
  const { alice, file, chat } = await startCast(t);
  const own = { chat_id: Number(chat.split('/').at(-1)), user_id: alice.id };
  const ids = { ...own, id: await alice.send(chat, 'stays') };
  const before = allRows(file);
  for (const route of routes) {
    for (const [place, request] of idPlaces(route, ids)) {
      for (const id of [...badIds, ...goodIds]) {
        const answer = await alice.request(request(id));
        const name = `${nameOf(route)} ${place}=${id.slice(0, 30)}`;
        if (badIds.includes(id)) refused(t, answer, 400, undefined, name);
        else if (['before', 'after'].includes(place)) t.equal(answer.status, 200, name);
        else refused(t, answer, 404, undefined, name);
      }
    }
  }
  t.strictSame(allRows(file), before);
});

/** The places where a route takes an id, each with a way to put one there. */
function idPlaces(route: RouteOptions, ids: Ids) {
  const { querystring } = schemaOf(route);
  const { method, url, ...rest } = valid(nameOf(route), ids);
  const inQuery = fieldsOf(querystring).filter(([field]) => idFields.has(field));
  const inPath = [...route.url.matchAll(/:(\w+)/g)].map(([, param]) => String(param));
  const [path = ''] = url.split('?');
  return [
    ...inQuery.map(
      ([field]) =>
        [field, (id: string) => ({ method, url: `${path}?${field}=${id}`, ...rest })] as const,
    ),
    ...inPath.map((param) => {
      const put = (id: string) => url.replace(`/${ids[param as keyof Ids]}`, () => `/${id}`);
      return [param, (id: string) => ({ method, url: put(id), ...rest })] as const;
    }),
  ];
}

interface FieldSchema {
  readonly 'x-error'?: string;
  readonly type?: string;
  readonly pattern?: string;
  readonly properties?: Record<string, FieldSchema>;
}

interface RouteSchema {
  readonly summary?: string;
  readonly params?: FieldSchema;
  readonly querystring?: FieldSchema;
  readonly body?: FieldSchema;
  readonly response?: Record<string, unknown>;
}

const schemaOf = (route: RouteOptions) => (route.schema ?? {}) as RouteSchema;
const fieldsOf = (schema?: FieldSchema) => Object.entries(schema?.properties ?? {});
