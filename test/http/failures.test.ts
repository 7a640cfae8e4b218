/** Refusals of the framework, its parsers and Node's, all in our words. */
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { describeRequest } from '../../src/http/request-log.ts';
import { done, refused } from '../helpers/answers.ts';
import { leastCpuTime } from '../helpers/cpu.ts';
import { allRows, query } from '../helpers/rows.ts';
import {
  type Answer,
  type Person,
  password,
  startCast,
  startWorld,
  type World,
} from '../helpers/world.ts';

const noRoute = 'There is nothing at this address. Check the path and the method.';
const badUrl = 'The address could not be read. Check that its percent-encoding is valid UTF-8.';
const badBody = 'The body could not be read. Send a form or a JSON object.';
const badEncoding =
  'The text is not valid UTF-8, or has a % that starts no escape. Send UTF-8, and in a form write % as %25.';
const bodyType = 'Send the fields as application/x-www-form-urlencoded or as application/json.';
const badTitle =
  'The title must have 1 to 100 visible characters on one line, and must not be blank.';
const badRequest = 'The request could not be understood. Check its headers and its syntax.';
const tooLarge = 'The request is too large. Send less.';

const form = 'application/x-www-form-urlencoded';

/** Creates a chat with a body of any type. */
function create(person: Person, payload: string | Buffer, headers: Record<string, string> = {}) {
  return person.request({ method: 'POST', url: '/api/chats', payload, headers });
}

const createByJson = (person: Person, payload: string) =>
  create(person, payload, { 'content-type': 'application/json' });

t.test('an unknown address is answered as such, and bypasses no check', async (t) => {
  const { alice, nobody } = await startCast(t);
  for (const url of [
    '/nothing',
    '/assets/nothing.js',
    '/api',
    '/api/',
    '/api/nothing',
    '//api/chats',
    '/API/chats',
    '/api//chats',
    '/api/Chats',
    '/api/chats%2f',
    '/api/chats%00',
    '/api/chats;x=1',
    '/api/chats.json',
    '/api/chats/1/nothing',
    '/../../etc/passwd',
    '/index.html',
    '/./index.html',
    '/%2e%2e/package.json',
    '/..%2fpackage.json',
    '/..%5cpackage.json',
    '/index.html%00.js',
    '/.env',
    '/%2eenv',
    '/.git/config',
    '//etc/passwd',
    '/C:%5Cboot.ini',
    '/docs/..%2f..%2fpackage.json',
    '/constructor',
    '/__proto__',
  ]) {
    for (const person of [alice, nobody()]) refused(t, await person.get(url), 404, noRoute, url);
  }
  for (const url of ['/%zz', '/%', '/api/chats/%ff', '/api/chats/%C0%AF', '/api/user/%ED%A0%80']) {
    for (const person of [alice, nobody()]) refused(t, await person.get(url), 400, badUrl, url);
  }
  for (const url of ['/assets/..%2findex.html', '/assets/%2e%2e%2fsw.js', '/assets/.env']) {
    refused(t, await nobody().get(url), 400, undefined, url);
  }
  // RFC 3986, 6.2.2.2: the same address, and so the same check.
  refused(t, await nobody().get('/api/%63hats'), 403);
  t.equal((await alice.get('/api/%63hats')).status, 200);
});

t.test('a method that a route does not have is answered as such', async (t) => {
  const { alice, chat, file } = await startCast(t);
  const before = allRows(file);
  const methods = ['OPTIONS', 'PATCH', 'TRACE', 'PROPFIND'] as const;
  for (const url of ['/api/chats', chat, `${chat}/members`, '/api/user', '/api/login']) {
    for (const method of methods) {
      const answer = await alice.request({ method: method as 'GET', url });
      refused(t, answer, 404, noRoute, `${method} ${url}`);
      const names = Object.keys(answer.headers);
      t.notOk(
        names.some((name) => name.startsWith('access-control')),
        'nothing for other sites',
      );
    }
  }
  for (const [method, url] of [
    ['GET', '/api/login'],
    ['PUT', '/api/login'],
    ['DELETE', '/api/login'],
    ['POST', '/api/logout'],
    ['PUT', '/api/chats'],
    ['POST', `/api/user/${alice.id}/password`],
    ['PUT', `${chat}/members`],
  ] as const) {
    refused(t, await alice.request({ method, url }), 404, noRoute, `${method} ${url}`);
  }
  t.strictSame(allRows(file), before);
});

t.test('a page or a file lists its methods in Allow', async (t) => {
  const { nobody } = await startWorld(t);
  const wrong = 'This address is read-only. Use GET.';
  const allow = 'GET, HEAD, OPTIONS';
  for (const url of ['/', '/?a=b', '/healthz', '/openapi.json', '/docs', '/sw.js', '/icon.svg']) {
    const options = await nobody().request({ method: 'OPTIONS', url });
    t.match(options, { status: 204, text: '', headers: { allow } }, url);
    t.notOk(Object.keys(options.headers).some((name) => name.startsWith('access-control')));
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'] as const) {
      const answer = await nobody().request({ method: method as 'GET', url });
      refused(t, answer, 405, wrong, `${method} ${url}`);
      t.equal(answer.headers.allow, allow);
    }
  }
});

t.test('documented addresses may end with a slash', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  done(t, await alice.post(`${chat}/`, { content: 'hello' }), 201);
  const id = chat.split('/').at(-1);
  for (const url of [
    '/api/chats',
    '/api/user?name=bob',
    `/api/user/${bob.id}`,
    `${chat}?limit=1`,
    '/healthz',
    '/docs',
  ]) {
    const { status, text, headers } = await alice.get(url);
    const slashed = await alice.get(url.replace(/(?=\?|$)/, '/'));
    t.equal(status, 200);
    t.match(slashed, { status, text, headers: { link: headers.link } }, url);
  }
  done(t, await alice.put(`${chat}/`, { title: 'Monday hike' }));
  done(t, await bob.delete(`/api/chats/?chat_id=${id}`));
  done(t, await bob.get('/api/logout/'));
});

t.test('no header or field turns a method into another', async (t) => {
  const { alice, chat } = await startCast(t);
  const headers = { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' };
  const url = `/api/chats?chat_id=${chat.split('/').at(-1)}&_method=DELETE`;
  t.equal((await alice.get(url, headers)).status, 200);
  t.equal((await alice.get(chat)).status, 200, 'she has not left');
});

t.test('fields may come as a form or as JSON', async (t) => {
  const { alice } = await startCast(t);
  const types = [
    form,
    'Application/X-WWW-Form-URLencoded',
    `${form}; charset=utf-8`,
    `${form} ; a=b`,
    `${form} ;Charset="UTF8"`,
    ...[`${form};`, `${form}\t`, `\t${form}`, ` ${form}\t;\t`],
  ];
  for (const type of types) {
    done(t, await create(alice, 'title=a+b%21', { 'content-type': type }), 201);
  }
  for (const type of ['application/json', 'APPLICATION/JSON', 'application/json; charset=utf-8']) {
    done(t, await create(alice, '{"title":"a b!"}', { 'content-type': type }), 201);
  }
  done(t, await createByJson(alice, '\ufeff{"title":"a b!","x":{"y":[1]}}'), 201);
  const alike = '{"x":{"title":"\\":{","x":1},"y":["title",{"y":2}],"title":"a b!"}';
  done(t, await createByJson(alice, alike), 201);
  const titles = (await alice.get('/api/chats')).body.chats.map(
    (chat: { title: string }) => chat.title,
  );
  t.strictSame(titles, [...Array(14).fill('a b!'), 'Sunday hike']);
});

t.test('fields in any other type are refused', async (t) => {
  const { alice, file } = await startCast(t);
  const before = allRows(file);
  for (const type of [
    'text/plain',
    'text/plain;charset=UTF-8',
    'text/xml',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    'application/jsonx',
    `${form}x`,
    'application/json, text/plain',
    ';',
    'x',
  ]) {
    const answer = await create(alice, 'title=x', { 'content-type': type });
    refused(t, answer, 400, bodyType, type);
  }
  for (const type of [
    'application/json',
    'application/json\t; charset=utf-8',
    ' application/json',
  ]) {
    refused(t, await create(alice, 'title=x', { 'content-type': type }), 400, badBody, type);
  }
  refused(t, await alice.request({ method: 'POST', url: '/api/chats' }), 400, badBody);
  for (const headers of [{}, { 'content-type': '' }]) {
    refused(t, await create(alice, 'title=x', headers), 400, bodyType, 'of no type');
  }
  for (const [type, body] of [
    [form, 'title=x'],
    ['application/json', '{"title":"x"}'],
  ] as const) {
    const packed = { gzip: gzipSync(body), br: brotliCompressSync(body), identity: body };
    for (const [coding, payload] of Object.entries(packed)) {
      const headers = { 'content-type': type, 'content-encoding': coding };
      refused(t, await create(alice, payload, headers), 400, bodyType, coding);
    }
  }
  t.strictSame(allRows(file), before);
});

t.test('JSON must be one object of strings', async (t) => {
  const { alice, file } = await startCast(t);
  const before = allRows(file);
  const bodies = [
    ...['', '{', '[]', '["x"]', 'null', '1', 'true', '"x"', '{"title":NaN}', "{'title':'x'}"],
    ...['{"title":"x"}x', '{"title":"x"}{}', '{"title":"x",}', '{"__proto__":{},"title":"x"}'],
    ...['{"title":"x","title":"x"}', '{"title":1,"titl\\u0065":"x"}', '{"a":{},"b":[],"a":0}'],
    '{"constructor":{"prototype":{"x":1}},"title":"x"}',
    `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
  ];
  for (const body of bodies) refused(t, await createByJson(alice, body), 400, badBody, body);
  const values = [
    '1',
    'null',
    'true',
    '["x"]',
    '[["x"]]',
    '{"x":"x"}',
    '{}',
    '"\\ud800"',
    '"\\u0000"',
  ];
  for (const value of values) {
    refused(t, await createByJson(alice, `{"title":${value}}`), 400, badTitle, value);
  }
  refused(t, await createByJson(alice, '{}'), 400, badTitle);
  refused(t, await createByJson(alice, '{"TITLE":"x"}'), 400, badTitle);
  t.strictSame(allRows(file), before);
});

t.test('a form has each of its fields once', async (t) => {
  const { alice } = await startCast(t);
  const send = (body: string) => create(alice, body, { 'content-type': form });
  for (const body of [
    '',
    '=',
    '&&',
    'title',
    'title=',
    'title=a&title=b',
    'title[]=a',
    'title[x]=a',
  ]) {
    refused(t, await send(body), 400, badTitle, body);
  }
  const strange =
    '__proto__=1&__proto__=2&__proto__[x]=1&__proto__.x=1&constructor[prototype][x]=1' +
    '&hasOwnProperty=1&toString=1&prototype=1&id=1&title=fine';
  done(t, await send(strange), 201);
  t.equal(Reflect.get({}, 'x'), undefined);
  const many = Array.from({ length: 5000 }, (_, i) => `k${i}=1`).join('&');
  done(t, await send(`${many}&title=fine`), 201);
});

t.test('unknown fields are ignored, however many there are', async (t) => {
  const { alice } = await startCast(t);
  const fields = (sign: string) => Array.from({ length: 5000 }, (_, i) => `${i}${sign}1`);
  const json = `{${fields(':')
    .map((field) => field.replace(/^\d+/, '"$&"'))
    .join()},"title":"x"}`;
  const queries = [fields('=').join('&'), '&'.repeat(10_000), `x=${'y'.repeat(15_000)}`];
  const asks = [
    ...queries.map((query) => () => alice.get(`/api/chats?${query}`)),
    () => createByJson(alice, json),
  ];
  for (const ask of asks) {
    const took = await leastCpuTime(5, async () => {
      t.ok((await ask()).status < 202);
    });
    t.ok(took < 50, `${took} ms`);
  }
});

t.test('text that is not UTF-8 is refused, and never stored as something else', async (t) => {
  const { alice, nobody, file } = await startCast(t);
  const before = allRows(file);
  const latin1 = (text: string) => Buffer.from(text, 'latin1');
  const json = 'application/json';
  for (const [type, body] of [
    ...['caf%E9', '100%', '%zz', '%u0041', '%4', '%ED%A0%80', '%C0%AF', '%FF'].map((title) => [
      form,
      `title=${title}`,
    ]),
    [form, 'title=a&%ff=b'],
    [form, latin1('title=café')],
    [json, latin1('{"title":"café"}')],
    [json, Buffer.from('\ufeff{"title":"a"}', 'utf16le')],
    [form, Buffer.from([...Buffer.from('title='), 0xed, 0xa0, 0x80])],
    ...['iso-8859-1', 'utf-16', '"windows-1252"', 'utf-8x', 'x;charset=utf-8', ''].flatMap(
      (charset) => [
        [`${form}; charset=${charset}`, 'title=a'],
        [`${json};charset=${charset}`, '{"title":"a"}'],
      ],
    ),
  ] as const) {
    const answer = await create(alice, body as string, { 'content-type': type as string });
    refused(t, answer, 400, badEncoding, `${type} ${body}`);
  }
  const login = { method: 'POST', url: '/api/login', headers: { 'content-type': form } } as const;
  refused(t, await nobody().request({ ...login, payload: 'name=%E9' }), 400, badEncoding);
  for (const query of ['name=caf%E9', 'name=%zz', 'name=%', '%ff=x&name=bob']) {
    refused(t, await alice.get(`/api/user?${query}`), 400, badUrl, query);
  }
  t.strictSame(allRows(file), before);
});

t.test('UTF-8 text arrives unchanged', async (t) => {
  const { alice, chat } = await startCast(t);
  for (const [body, content] of [
    ['%F0%9F%A6%86', '🦆'],
    ['🦆 café', '🦆 café'],
    ['%EF%BF%BD\ufffd', '\ufffd\ufffd'],
    ['a+b', 'a b'],
    ['a%2Bb', 'a+b'],
    ['100%25', '100%'],
    ['%2526', '%26'],
  ]) {
    const headers = { 'content-type': form };
    const payload = `content=${body}`;
    done(t, await alice.request({ method: 'POST', url: chat, headers, payload }), 201);
    const { messages } = (await alice.get(`${chat}?limit=1`)).body;
    t.equal(messages[0].content, content);
  }
});

t.test('a request larger than the longest message is refused', async (t) => {
  const { alice, chat, nobody, file } = await startCast(t);
  const post = (payload: string, headers = {}) =>
    alice.request({
      method: 'POST',
      url: chat,
      payload,
      headers: { 'content-type': form, ...headers },
    });
  const padded = (size: number) => `content=x&y=${'y'.repeat(size - 'content=x&y='.length)}`;
  done(t, await post(padded(64 * 1024)), 201);
  refused(t, await post(padded(64 * 1024 + 1)), 413, tooLarge);
  const json = JSON.stringify({ content: 'x', y: 'y'.repeat(64 * 1024) });
  refused(t, await post(json, { 'content-type': 'application/json' }), 413, tooLarge);
  const headers = { 'content-type': form, 'content-length': String(2 ** 30) };
  const url = '/api/login';
  const huge = await nobody().request({ method: 'POST', url, payload: 'x', headers });
  refused(t, huge, 413, tooLarge);
  t.equal(query(file, 'select * from messages').length, 1);
});

t.test('without a session a request is refused before it is read', async (t) => {
  const { nobody, chat } = await startCast(t);
  const signedOut = 'You are not signed in. Sign in first.';
  const payload = 'x'.repeat(1024 * 1024);
  refused(t, await nobody().request({ method: 'POST', url: chat, payload }), 403, signedOut);
  refused(t, await nobody().get('/api/chats/not-an-id'), 403, signedOut);
  refused(t, await nobody().get(`/api/chats/${'9'.repeat(5000)}`), 403, signedOut);
});

t.test('no header or query of a client changes the Location of an answer', async (t) => {
  const env = { TRUST_PROXY: '127.0.0.1', ALLOWED_HOSTS: 'evil.example' };
  // Not the first account: behind a proxy's headers that one needs a code.
  const { nobody } = await startCast(t, env);
  const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example' };
  const payload = { name: 'dave', password, email: 'a@b' };
  const url = '/api/user?next=//evil.example&return_to=/%5cevil.example';
  const answer = await nobody().request({ method: 'POST', url, payload, headers });
  done(t, answer, 201);
  t.equal(answer.headers.location, '/api/chats');
  t.notMatch(JSON.stringify(answer.headers), 'evil');
});

t.test('an internal error reveals nothing about itself', async (t) => {
  const { alice, db, chat } = await startCast(t);
  const read = db.read;
  const secret = 'SQLITE_CORRUPT: select secret from /home/alice at Object.<anonymous> (x.ts:1)';
  for (const error of [
    new Error(secret),
    Object.assign(new Error(secret), { statusCode: 500, code: 'FST_ERR_X' }),
    Object.assign(new Error(secret), { statusCode: 200 }),
  ]) {
    db.read = () => Promise.reject(error);
    refused(t, await alice.get(chat), 500, 'Something went wrong on the server. Try again later.');
  }
  db.read = read;
  t.equal((await alice.get(chat)).status, 200);
});

t.test('no secret and no user’s text is logged', async (t) => {
  const lines: string[] = [];
  const logger = pino(
    { level: 'trace', serializers: { req: describeRequest } },
    { write: (line: string) => void lines.push(line) },
  );
  const { register, nobody } = await startWorld(t, {}, { logger });
  const alice = await register('alice');
  const chat = await alice.createChat('a secret title');
  await alice.send(chat, 'a secret message');
  await alice.get(`/api/user?name=secretive`);
  await alice.post('/api/login', { name: 'alice', password: 'a secret mistake' });
  await nobody().get('/a/secret\r\npath', {
    'user-agent': 'a secret agent',
    cookie: 'token=secret',
  });
  const log = lines.join('');
  t.match(log, '"route":"/api/user"', 'requests are logged');
  for (const secret of [password, String(alice.cookies.token), 'secret', 'argon2', 'example.org']) {
    t.notOk(log.includes(secret), secret);
  }
  t.ok(
    lines.every((line) => line.endsWith('}\n') && JSON.parse(line)),
    'one JSON line for each',
  );
});

/** Sends bytes on a new connection and returns everything received until it ends. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (data) => (text += data));
  socket.end(bytes);
  await once(socket, 'close');
  return text;
}

/** Parses the bytes of an answer. */
function parseAnswer(text: string): Answer {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = lines.map((line) => line.toLowerCase().split(': ', 2) as [string, string]);
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(headers),
    text: body,
    get body() {
      return JSON.parse(body);
    },
  };
}

async function listen(t: Test): Promise<World & { alice: Person; chat: string; port: number }> {
  const cast = await startCast(t);
  await cast.app.listen({ port: 0, host: '127.0.0.1' });
  return { ...cast, port: (cast.app.server.address() as AddressInfo).port };
}

t.test('a request while the server is stopping is refused with a reason', async (t) => {
  const { app, alice, chat, port } = await listen(t);
  const cookie = Object.entries(alice.cookies).map((pair) => pair.join('='));
  const head = (line: string) => `${line} HTTP/1.1\r\nHost: x\r\nCookie: ${cookie.join('; ')}\r\n`;
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (data) => (text += data));
  const started = once(app.server, 'request');
  socket.write(`${head(`POST ${chat}`)}Content-Type: ${form}\r\nContent-Length: 9\r\n\r\ncontent=`);
  await started;
  const closed = app.close();
  socket.write(`x${head('GET /api/chats')}\r\n`);
  await Promise.all([closed, once(socket, 'close')]);
  const [first, second] = text.split(/(?<=})(?=HTTP)/).map(parseAnswer) as [Answer, Answer];
  t.equal(first.status, 201);
  refused(t, second, 503, 'The server is shutting down. Try again in a moment.');
});

t.test('bytes that are no request are answered in the same form', async (t) => {
  const { alice, port } = await listen(t);
  const login = `POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: ${form}\r\n`;
  const get = 'GET /healthz HTTP/1.1\r\n';
  const tooLong = 'The headers of the request are too large. Send fewer or shorter ones.';
  const cases: [name: string, bytes: string, status: number, error: string][] = [
    ['an unknown method', 'BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n', 400, badRequest],
    ['TLS', '\x16\x03\x01\x02\x00\x01\r\n\r\n', 400, badRequest],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, badRequest],
    ['an unknown version', 'GET / HTTP/3.7\r\nHost: x\r\n\r\n', 400, badRequest],
    ['no host', `${get}\r\n`, 400, badRequest],
    ['two hosts', `${get}Host: x\r\nHost: y\r\n\r\n`, 400, badRequest],
    ['a space before a colon', `${get}Host : x\r\n\r\n`, 400, badRequest],
    ['a folded header', `${get}Host: x\r\nA: b\r\n c\r\n\r\n`, 400, badRequest],
    ['random bytes', '\x00\xff\x80\x7f{}\r\n\r\n', 400, badRequest],
    ['bare line feeds', 'GET /healthz HTTP/1.1\nHost: x\n\n', 400, badRequest],
    [
      'a chunk longer than its data',
      `${login}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(20)}\r\n`,
      400,
      badRequest,
    ],
    [
      'chunked, but not as the last coding',
      `${login}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
      400,
      badRequest,
    ],
    ['too many headers', `${get}Host: x\r\n${'a: b\r\n'.repeat(200)}\r\n`, 431, tooLong],
    [
      'a huge body that asks first',
      `${login}Expect: 100-continue\r\nContent-Length: 1073741824\r\n\r\n`,
      413,
      tooLarge,
    ],
    [
      'a length and chunks',
      `${login}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      badRequest,
    ],
    ['two lengths', `${login}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde`, 400, badRequest],
    ['no number', `${login}Content-Length: abc\r\n\r\n`, 400, badRequest],
    ['an unknown coding', `${login}Transfer-Encoding: xchunked\r\n\r\n`, 400, badRequest],
    ['an invalid chunk', `${login}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400, badRequest],
    ['a long header', `${get}Host: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, 431, tooLong],
    ['a long cookie', `${get}Host: x\r\nCookie: token=${'a'.repeat(20_000)}\r\n\r\n`, 431, tooLong],
    ['many headers', `${get}Host: x\r\n${'a: b\r\n'.repeat(3000)}\r\n`, 431, tooLong],
    ['a long address', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431, tooLong],
    ['an unreadable address', 'GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n', 400, badUrl],
    ['an unescaped letter', 'GET /api/user?name=café HTTP/1.1\r\nHost: x\r\n\r\n', 400, badUrl],
    ['the same in a path', 'GET /café HTTP/1.1\r\nHost: x\r\n\r\n', 400, badUrl],
    ['dots', 'GET /api/../healthz HTTP/1.1\r\nHost: x\r\n\r\n', 404, noRoute],
    ['a dot', 'GET /api/./chats HTTP/1.1\r\nHost: x\r\n\r\n', 404, noRoute],
    ['a backslash', 'GET /api\\chats HTTP/1.1\r\nHost: x\r\n\r\n', 404, noRoute],
    ['two slashes', 'GET //healthz HTTP/1.1\r\nHost: x\r\n\r\n', 404, noRoute],
    [
      'an absolute URL',
      'GET http://snug.local/api/chats HTTP/1.1\r\nHost: x\r\n\r\n',
      403,
      'You are not signed in. Sign in first.',
    ],
    [
      'an expectation',
      `${login}Expect: miracles\r\nContent-Length: 0\r\n\r\n`,
      400,
      'Enter your name as text of at most 1024 characters.',
    ],
    ['a huge length', `${login}Content-Length: 1073741824\r\n\r\n`, 413, tooLarge],
    [
      'a huge body in chunks',
      `${login}Transfer-Encoding: chunked\r\n\r\n${`8000\r\n${'x'.repeat(0x8000)}\r\n`.repeat(3)}`,
      413,
      tooLarge,
    ],
  ];
  for (const [name, bytes, status, error] of cases) {
    refused(t, parseAnswer(await exchange(port, bytes)), status, error, name);
  }
  t.equal((await alice.get('/api/chats')).status, 200);
});

t.test('a request hidden in another is never executed', async (t) => {
  const { alice, port } = await listen(t);
  const cookie = `Cookie: user_id=${alice.id}; token=${alice.cookies.token}\r\n`;
  const hidden = `GET /api/logout HTTP/1.1\r\nHost: x\r\n${cookie}\r\n`;
  const start = `POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: ${form}\r\n`;
  for (const bytes of [
    `${start}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    `${start}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
    `${start}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
    `${start}Content-Length: 0\r\nContent-Length: 5\r\n\r\n${hidden}`,
  ]) {
    refused(t, parseAnswer(await exchange(port, bytes)), 400);
  }
  t.equal((await alice.get('/api/chats')).status, 200, 'she is still signed in');
});

t.test('cookies in two headers count as one: duplicates are refused', async (t) => {
  const { alice, port } = await listen(t);
  const get = 'GET /api/chats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n';
  const id = `user_id=${alice.id}`;
  const token = `token=${alice.cookies.token}`;
  const send = async (...cookies: string[]) =>
    parseAnswer(
      await exchange(port, `${get}${cookies.map((one) => `Cookie: ${one}\r\n`).join('')}\r\n`),
    );
  t.equal((await send(id, token)).status, 200);
  refused(t, await send(`${id}; ${token}`, 'user_id=2'), 403);
  refused(t, await send('token=x', `${id}; ${token}`), 403);
  t.equal((await alice.get('/api/chats')).status, 200);
});

t.test('HTTP/1.0 and upgrade requests get a plain answer', async (t) => {
  const { port } = await listen(t);
  const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket\r\n';
  for (const bytes of [
    'GET /healthz HTTP/1.0\r\n\r\n',
    `GET /healthz HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`,
  ]) {
    done(t, parseAnswer(await exchange(port, bytes)));
  }
  t.match(await exchange(port, 'OPTIONS / HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 204 .*^allow: GET/ms);
  t.match(await exchange(port, `OPTIONS * ${'HTTP/1.1\r\nHost: x\r\n\r\n'}`), /^HTTP\/1.1 204 /);
  t.equal(await exchange(port, 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n'), '', 'no tunnel');
});

t.test('pipelined requests are answered in order, errors as well', async (t) => {
  const { port } = await listen(t);
  const host = 'HTTP/1.1\r\nHost: x\r\n';
  const early = `POST /api/chats ${host}Content-Type: ${form}\r\nContent-Length: 7\r\n\r\ntitle=x`;
  const asked = ['/healthz', '/nothing', '/openapi.json'].map((url) => `GET ${url} ${host}\r\n`);
  const text = await exchange(port, [...asked, early, ...asked].join(''));
  const statuses = [...text.matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => Number(status));
  t.strictSame(statuses, [200, 404, 200, 403, 200, 404, 200]);
});

t.test('a malformed request is logged, without its contents', async (t) => {
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(line) });
  const { app, nobody, register } = await startWorld(t, {}, { logger });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const evil = '\u001b[31m\u0024{jndi:ldap://evil}';
  const host = 'HTTP/1.1\r\nHost: x\r\n';
  const sent: [bytes: string, logged: object][] = [
    [`GET /evil%zz ${host}\r\n`, { method: 'GET', status: 400, address: '127.0.0.1' }],
    [`EVIL /evil ${host}\r\n`, { status: 400, reason: 'HPE_INVALID_METHOD' }],
    [`GET /evil ${host}Evil: ${'evil'.repeat(250_000)}\r\n\r\n`, { status: 431 }],
    [`GET /\u001b[31mevil ${host}\r\n`, { status: 400 }],
    [`GET /evil ${host}User-Agent: evil\rINJECTED: evil\r\n\r\n`, { status: 400 }],
    ['\x16\x03\x01evil\r\n', { status: 400, reason: 'HPE_INVALID_METHOD' }],
  ];
  for (const [bytes, logged] of sent) {
    lines.length = 0;
    await exchange(port, bytes).catch(() => undefined);
    t.equal(lines.length, 1, `one line for ${bytes.slice(0, 30)}`);
    t.match(JSON.parse(lines[0] ?? '{}'), logged);
    t.notMatch(lines[0], /evil|INJECTED/i);
    t.ok((lines[0]?.length ?? 0) < 500, 'a short one');
  }
  lines.length = 0;
  const alice = await register('alice');
  await alice.get(`/api/user?name=${encodeURIComponent(evil)}`, {
    'user-agent': evil,
    referer: evil,
  });
  await nobody().get(`/${encodeURIComponent(`${evil}\r\n{"level":60}`)}`, {
    'x-forwarded-for': evil,
  });
  await nobody().post('/api/login', { name: evil, password });
  const logged = lines.map((line) => JSON.parse(line));
  const ofKind = (kind: string) => logged.filter(({ msg }) => msg === kind);
  t.strictSame(
    ofKind('request').map(({ level, status }) => [level, status]),
    [201, 404, 404, 400].map((status) => [30, status]),
  );
  t.match(ofKind('audit'), [{ audit: 'registered' }, { audit: 'signed_in', outcome: 'refused' }]);
  t.equal(logged.length, 6, 'one line for each request, and one for each security event');
  t.notMatch(lines.join(''), /evil|\\u001b|"level":60/);
  t.notOk(lines.join('').includes('\u001b'));
});

t.test('the client’s address comes from a trusted proxy only', async (t) => {
  const addressOf = async (proxies: string, forwarded: string) => {
    const lines: string[] = [];
    const logger = pino({}, { write: (line: string) => void lines.push(line) });
    const { nobody } = await startWorld(t, { TRUST_PROXY: proxies }, { logger });
    await nobody().get('/api/chats', { 'x-forwarded-for': forwarded });
    return JSON.parse(lines[0] ?? '{}').address;
  };
  t.equal(await addressOf('', '6.6.6.6'), '127.0.0.1', 'no proxy');
  t.equal(await addressOf('10.0.0.0/8', '6.6.6.6'), '127.0.0.1', 'another proxy');
  t.equal(
    await addressOf('127.0.0.1', '6.6.6.6, 7.7.7.7'),
    '7.7.7.7',
    'the reported address differs from the one seen',
  );
  t.equal(await addressOf('127.0.0.1,10.0.0.0/8', '6.6.6.6, 7.7.7.7, 10.1.1.1'), '7.7.7.7');
  t.equal(
    (await addressOf('127.0.0.1', 'x'.repeat(9_000))).length,
    45,
    'no longer than an address',
  );
});

t.test('a line break in a field never makes a header', async (t) => {
  const { alice, nobody, chat } = await startCast(t);
  const lineBreak = '\r\nX-Evil: 1';
  const encoded = encodeURIComponent(lineBreak);
  const answers = [
    await alice.get(`/api/user?name=x${encoded}`),
    await alice.get(`${chat}?limit=50${encoded}`),
    await alice.get(`${chat}${encoded}`),
    await alice.get(`/api/invites/x${encoded}`),
    await alice.get(`/docs${encoded}`),
    await alice.get(`/assets/x.js${encoded}`),
    await alice.post('/api/chats', { title: `x${lineBreak}` }),
    await alice.post(chat, { content: `x${lineBreak}` }),
    await alice.put('/api/user', { name: `x${lineBreak}` }),
    await nobody().post('/api/login', { name: `alice${lineBreak}`, password }),
  ];
  for (const { status, headers } of answers) {
    t.ok(status < 500);
    t.notMatch(JSON.stringify(headers), /evil/i);
  }
});

t.test('many or long parameters cost little', async (t) => {
  const { alice } = await startCast(t);
  for (const query of ['a&'.repeat(5_000), `a=${'x'.repeat(15_000)}`, 'a[]=1&'.repeat(2_000)]) {
    const took = await leastCpuTime(3, async () => {
      t.equal((await alice.get(`/api/chats?${query}`)).status, 200);
    });
    t.ok(took < 50, `${took} ms`);
  }
});
