/** The README and docs/ must match the program. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { HTTPMethods } from 'fastify';
import { pino } from 'pino';
import t from 'tap';
import { sentenceOf } from '../src/cli/sentence.ts';
import { readConfig, settings } from '../src/config.ts';
import { limits } from '../src/http/rate-limit.ts';
import { en } from '../src/web/texts/en.ts';
import { Document, environmentOf, root } from './helpers/documents.ts';
import { runSnug, startServer } from './helpers/server.ts';
import { addressOf } from './helpers/sse.ts';
import { without } from './helpers/tools.ts';
import { startCast, startWorld, tempFolder } from './helpers/world.ts';

const readme = Document.readSync('README.md');
const api = Document.readSync('docs/api.md');
const settingsPage = Document.readSync('docs/settings.md');
const operating = Document.readSync('docs/operating.md');
const commandsPage = Document.readSync('docs/commands.md');
const architecture = Document.readSync('docs/architecture.md');

t.test('the table of settings matches the program', async (t) => {
  const rows = Object.entries(settings).map(([name, { default: value, description }]) => {
    const shown = value === '' ? ' ' : ` \`${value}\` `;
    return `| \`${name}\` |${shown}| ${description} |`;
  });
  t.strictSame(
    settingsPage.rows.filter((row) => /^\| `[A-Z]/.test(row)),
    rows,
  );
});

t.test('.env.example has every setting, its meaning and its default', async (t) => {
  const parts = Object.entries(settings).map(
    ([name, { default: value, description }]) => `# ${description}\n#${name}=${value}\n`,
  );
  t.equal(await readFile(new URL('.env.example', root), 'utf8'), parts.join('\n'));
});

t.test('every route in the table of the API exists', async (t) => {
  const { app } = await startWorld(t);
  const { rows } = api.section('## Routes');
  t.ok(rows.length > 10);
  for (const row of rows) {
    const [, method = '', addresses = ''] = row.split('|').map((cell) => cell.trim());
    for (const [, address = ''] of addresses.matchAll(/`([^`?]+)[^`]*`/g)) {
      const url = address.replace(/\{(\w+)\}/g, ':$1');
      for (const verb of method.split(', ')) {
        t.ok(app.hasRoute({ method: verb as HTTPMethods, url }), `${verb} ${url}`);
      }
    }
  }
});

t.test('the table of rate limits matches the program', async (t) => {
  const times: Record<number, string> = { 60: 'a minute', 600: 'in 10 minutes', 3600: 'an hour' };
  const rows = Object.entries(limits).map(([name, { quota, window, by }]) => {
    return `| \`${name}\` | ${quota} ${times[window]} | ${by} |`;
  });
  const page = settingsPage.section('## Rate limits').rows;
  t.strictSame(
    page.map((row) => `${row.split(' | ', 3).join(' | ')} |`),
    rows,
  );
});

t.test('the page of commands lists those of the program, as they are typed', async (t) => {
  const { output } = await runSnug(t, '', ['help']);
  const usages = Array.from(output.matchAll(/^(snug .+?) {2,}/gm), ([, usage]) => usage);
  const typed = commandsPage.rows.map((row) => /^\| `([^`]+)`/.exec(row)?.[1]);
  t.strictSame(typed.sort(), usages.sort());
});

t.test('the commands in the documents exist', async (t) => {
  const names = commandsPage.rows.map((row) => /^\| `snug ([a-z -]*[a-z])/.exec(row)?.[1] ?? '');
  for (const document of documents) {
    const { text } = await Document.read(document);
    for (const [typed, words = ''] of text.matchAll(/(?:snug --|`snug) ([^`\n]+)/g)) {
      t.ok(
        // `snug user` stands for its group.
        names.some((name) => `${words} `.startsWith(`${name} `) || name.startsWith(`${words} `)),
        `${document}: ${typed}`,
      );
    }
  }
});

t.test('a fresh machine is started and tested as the README says', async (t) => {
  const [, start] = readme.section('## Start').blocks;
  t.equal(start, 'npm ci && npm start\n');
  t.match(readme.text, '`npm ci && npm test`');
  t.match(await Document.read('.ci/run'), { text: /^ {2}npm ci && npm test$/m });
});

t.test('the README names what the machine needs', async (t) => {
  const { text } = readme.section('## Start');
  const failure = { code: 'ERR_DLOPEN_FAILED', message: "version `GLIBC_2.34' not found" };
  const missing = sentenceOf(Object.assign(new Error(), failure), '') ?? '';
  const [glibc = ''] = /glibc \d\.\d+/.exec(missing) ?? [];
  const [debian = ''] = /Debian \d+/.exec(missing) ?? [];
  for (const need of [glibc, debian, '64-bit', 'libatomic1']) {
    t.ok(need !== '' && text.includes(need), need);
    t.ok(operating.section('## What the machine needs').text.includes(need), need);
  }
  t.match(readme.section('## From other devices at home').text, 'a host name of its own');
  t.match(operating.section('## Behind a reverse proxy').text, 'A host name of its own.');
});

t.test('the page of the API says which bodies are refused', async (t) => {
  const { alice } = await startCast(t);
  const url = '/api/chats';
  const headers = { 'content-type': 'multipart/form-data; boundary=x' };
  const answer = await alice.request({ method: 'POST', url, headers, payload: 'x' });
  const [line = ''] = /^.*`multipart.*$/m.exec(api.section('## Requests').text) ?? [];
  t.match(line, `${answer.status} and \`${answer.headers['error-code']}\``);
});

t.test('a refused event stream is answered as the page of the API says', async (t) => {
  const { db, alice, bob } = await startCast(t, { RATE_LIMIT: 'on' });
  // Refused for its cursor after it was counted, so no stream is opened.
  for (let i = 0; i < limits.stream.quota; i++) await alice.get('/api/events?since=x');
  const tooMany = await alice.get('/api/events');
  const cookies = { ...bob.cookies };
  await bob.get('/api/logout');
  const signedOut = await Object.assign(bob, { cookies }).get('/api/events');
  await db.close();
  const stopping = await alice.get('/api/events');
  const [ended, later] = api.section('## Events').text.match(/^- After .*$/gm) ?? [];
  t.match(ended, `After a ${signedOut.status} the session has ended.`);
  t.match(later, `After a ${tooMany.status} or a ${stopping.status}, `);
  for (const { headers } of [tooMany, stopping]) t.match(headers['retry-after'], /^[1-9]\d*$/);
});

t.test('the settings for other devices at home are valid, and so is Tailscale’s', async (t) => {
  const [home = ''] = readme
    .section('## From other devices at home')
    .blocks.filter((block) => block.startsWith('HOST='));
  const config = readConfig(environmentOf(home));
  t.equal(config.host, '0.0.0.0');
  t.equal(config.publicUrl?.href, 'http://raspberrypi.local:3000/');
  const [tailscale = ''] = operating.section('### Tailscale').blocks;
  t.strictSame(readConfig(environmentOf(tailscale)).trustProxy, ['127.0.0.1']);
});

t.test('a button that the README names is in the client', async (t) => {
  t.match(readme.section('## Invite your people').text, `**${en.newInvite}**`);
});

t.test('the map of the code names existing paths, and every part of src/', async (t) => {
  const [map = ''] = architecture.section('## Where things are').blocks;
  const named = map.split('\n').flatMap((line) => /^[\w./-]+/.exec(line)?.[0] ?? []);
  for (const path of named) t.ok(existsSync(new URL(path, root)), path);
  for (const entry of await readdir(new URL('src/', root), { withFileTypes: true })) {
    const path = `src/${entry.name}${entry.isDirectory() ? '/' : ''}`;
    t.ok(named.includes(path), path);
  }
});

t.test('proxies close idle connections before Snug does, which names its time', async (t) => {
  const { text } = operating.section('## Behind a reverse proxy');
  const [, theirs, ours] = /`ttl=(\d+)`.*Snug closes them after (\d+) seconds/.exec(text) ?? [];
  const { headers } = await fetch(`${await addressOf(await startWorld(t))}/healthz`);
  t.equal(headers.get('keep-alive'), `timeout=${ours}`);
  t.ok(Number(theirs) < Number(ours));
});

/** A stranger's address as a proxy sees it; the request claims another one. */
const client = '192.0.2.7';
const claimed = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-host': 'evil.example' };
const variables: Record<string, string> = {
  $host: 'chat.example.org',
  '%[req.hdr(host)]': 'chat.example.org',
  $scheme: 'https',
  $proxy_add_x_forwarded_for: `${claimed['x-forwarded-for']}, ${client}`,
};

/** The headers that a configuration makes of a client's. */
function sentBy(configuration: string): Record<string, string> {
  const lines = /(?:proxy_set_header|http-request set-header) ([\w-]+) ([^;\n]+)/g;
  const set = Array.from(configuration.matchAll(lines), ([, name = '', value = '']) => [
    name.toLowerCase(),
    variables[value] ?? value,
  ]);
  const isAppended = configuration.includes('option forwardfor');
  const added = { 'x-forwarded-for': `${claimed['x-forwarded-for']}, ${client}` };
  const host = { host: 'chat.example.org' };
  return { ...host, ...claimed, ...(isAppended && added), ...Object.fromEntries(set) };
}

t.test('the headers of the documented proxies are understood', async (t) => {
  const lines: { address: string; msg: string }[] = [];
  const logger = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
  const { blocks } = operating.section('## Behind a reverse proxy');
  const [settingsOf = '', , nginx = '', haproxy = ''] = blocks;
  const { nobody } = await startWorld(t, environmentOf(settingsOf), { logger });
  for (const configuration of [nginx, haproxy]) {
    const headers = sentBy(configuration);
    const origin = 'https://chat.example.org';
    const { status, headers: answered } = await nobody().request({
      ...{ method: 'POST', url: '/api/login', payload: { name: 'x', password: 'x' } },
      headers: { ...headers, origin },
    });
    t.equal(status, 400, 'it is our own page, and the password is wrong');
    t.ok(answered['strict-transport-security'], 'it came over https');
    t.equal(lines.at(-1)?.address, client, 'no forged address is believed');
  }
  t.notOk(lines.some(({ msg }) => msg.includes('X-Forwarded-For')));
  const bare = nginx.replaceAll(/proxy_set_header X.*\n/g, '');
  t.equal((await nobody().request({ url: '/', headers: sentBy(bare) })).status, 421);
});

const documents = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'bench/README.md'],
  ...(await readdir(new URL('docs/', root)))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

t.test('links into the project lead to a file, and to a heading in it', async (t) => {
  for (const document of documents) {
    const from = new URL(document, root);
    const text = await readFile(from, 'utf8');
    for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      t.ok(await leadsSomewhere(new URL(link, from)), `${document}: ${link}`);
    }
  }
});

/** Whether a file exists and, if the link names a section, has a heading with that anchor. */
async function leadsSomewhere(to: URL): Promise<boolean> {
  const anchor = decodeURIComponent(to.hash.slice(1));
  if (!existsSync(to)) return false;
  if (anchor === '') return true;
  const headings = (await readFile(to, 'utf8')).matchAll(/^#+ (.+)$/gm);
  const anchors = Array.from(headings, ([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replace(/\s/g, '-'),
  );
  return anchors.includes(anchor);
}

t.test('the unit keeps trying, waits for its disk, and makes no database', async (t) => {
  const [, unit = ''] = operating.section('## As a service').blocks;
  const [before = '', service = ''] = unit.split('[Service]');
  for (const line of ['StartLimitIntervalSec=0', 'RequiresMountsFor=/var/lib/snug']) {
    t.ok(before.includes(`\n${line}\n`), line);
  }
  for (const line of [
    'Restart=on-failure',
    'RestartSec=5',
    'Environment=DATABASE_MUST_EXIST=yes',
    'StateDirectory=snug snug/backups',
  ]) {
    t.ok(service.includes(`\n${line}\n`), line);
  }
  const set = Array.from(unit.matchAll(/^Environment=(\w+)=/gm), ([, name]) => String(name));
  t.strictSame(
    set.filter((name) => !Object.hasOwn(settings, name)),
    ['MALLOC_ARENA_MAX'],
  );
});

t.test('the README’s session prints what it says', { skip: without('bash', 'curl') }, async (t) => {
  const { url } = await startServer(t, join(await tempFolder(t), 'snug.db'));
  const [session = '', printed = ''] = api.section('## Try it').blocks;
  const script = session.replace('SNUG=http://127.0.0.1:3000', `SNUG=${url}`);
  t.not(script, session);
  const first = await run(script);
  t.equal(withoutTimes(first), withoutTimes(printed));
  t.equal(withoutIds(await run(script)), withoutIds(printed), 'and it can be run again');
});

async function run(script: string): Promise<string> {
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script]);
  return stdout;
}

function withoutTimes(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'TIME')
    .replace(/^retry: \d+$/m, 'retry: RETRY')
    .replace(/"build":"\w{12}"/, '"build":"BUILD"')
    .replace(/"name":"(alice|bob)-\w+"/g, '"name":"$1"');
}

function withoutIds(text: string): string {
  return withoutTimes(text)
    .replace(/"(id|sender_id|chat_id)":\d+/g, '"$1":ID')
    .replace(/^id: \d+$/gm, 'id: ID');
}
