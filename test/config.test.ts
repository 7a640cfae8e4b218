import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readConfig, settings } from '../src/config.ts';
import { OperatorError } from '../src/errors.ts';
import { spawnSnug, startServer } from './helpers/server.ts';
import { tempFolder } from './helpers/world.ts';

type Name = keyof typeof settings;

/** Reads one setting from a text, as the program does. */
function read(name: Name, text: string) {
  const { publicUrl, ...config } = readConfig({ [name]: text });
  return { ...config, publicUrl: publicUrl?.href };
}

/** The sentence that refuses a text for a setting. */
function refusal(name: Name, text: string): string {
  try {
    read(name, text);
  } catch (error) {
    if (error instanceof OperatorError) return error.message;
    throw error;
  }
  return `${name} takes ${JSON.stringify(text)}`;
}

const megabyte = 1024 * 1024;

t.test('every setting has a default, which an empty value selects too', async (t) => {
  const defaults = {
    host: '127.0.0.1',
    port: 3000,
    databaseFile: 'data/snug.db',
    mustExist: false,
    backupDir: '',
    backupEvery: 24 * 3_600_000,
    backupKeep: 7,
    logLevel: 'info',
    trustProxy: [],
    publicUrl: undefined,
    allowedHosts: [],
    securityContact: undefined,
    registration: 'open',
    cacheBytes: 32 * 1024 * 1024,
    emails: 'everybody',
    nameHold: 0,
    rateLimit: true,
    quotas: { chats: 1000, openChats: 20, memberships: 2000, invites: 200, sessions: 50 },
    daily: { textBytes: 50 * megabyte, accountsPerNetwork: 400, accounts: 10_000 },
    diskReserve: 100 * megabyte,
  } as const;
  t.strictSame(readConfig({}), defaults);
  const empty = Object.fromEntries(Object.keys(settings).map((name) => [name, '']));
  t.strictSame(readConfig(empty), defaults);
  t.strictSame(readConfig({ PORT: '  ', SOMETHING_ELSE: 'x' }), defaults);
});

const standard = readConfig({});
const unlimited = Number.POSITIVE_INFINITY;

const good: [Name, text: string, expected: Partial<ReturnType<typeof read>>][] = [
  ['HOST', '0.0.0.0', { host: '0.0.0.0' }],
  ['HOST', '::', { host: '::' }],
  ['HOST', 'fe80::1%eth0', { host: 'fe80::1%eth0' }],
  ['HOST', 'localhost', { host: '127.0.0.1' }],
  ['HOST', 'chat.example.org', { host: 'chat.example.org' }],
  ['PORT', '0', { port: 0 }],
  ['PORT', '65535', { port: 65_535 }],
  ['PORT', ' 8080 ', { port: 8080 }],
  ['DATABASE_URL', 'file:chat.db', { databaseFile: 'chat.db' }],
  ['DATABASE_URL', 'file:data/chat.db', { databaseFile: 'data/chat.db' }],
  ['DATABASE_URL', 'file:/var/lib/chat.db', { databaseFile: '/var/lib/chat.db' }],
  ['DATABASE_URL', 'file:///var/lib/my%20chat.db', { databaseFile: '/var/lib/my chat.db' }],
  ['DATABASE_URL', 'FILE:chat.db', { databaseFile: 'chat.db' }],
  ['DATABASE_URL', 'chat.db', { databaseFile: 'chat.db' }],
  ['DATABASE_URL', '/var/lib/chat.db', { databaseFile: '/var/lib/chat.db' }],
  ['DATABASE_URL', 'C:\\chat\\chat.db', { databaseFile: 'C:\\chat\\chat.db' }],
  ['DATABASE_MUST_EXIST', 'yes', { mustExist: true }],
  ['BACKUP_DIR', '/var/backups/my snug', { backupDir: '/var/backups/my snug' }],
  ['BACKUP_EVERY', '30m', { backupEvery: 30 * 60_000 }],
  ['BACKUP_EVERY', '1h', { backupEvery: 3_600_000 }],
  ['BACKUP_EVERY', '7d', { backupEvery: 7 * 24 * 3_600_000 }],
  ['BACKUP_KEEP', '1', { backupKeep: 1 }],
  ['BACKUP_KEEP', '365', { backupKeep: 365 }],
  ['LOG_LEVEL', 'silent', { logLevel: 'silent' }],
  ['LOG_LEVEL', 'trace', { logLevel: 'trace' }],
  ['TRUST_PROXY', '127.0.0.1', { trustProxy: ['127.0.0.1'] }],
  ['TRUST_PROXY', '::1, 10.0.0.0/8', { trustProxy: ['::1', '10.0.0.0/8'] }],
  ['TRUST_PROXY', '0.0.0.0/0,fd00::/128', { trustProxy: ['0.0.0.0/0', 'fd00::/128'] }],
  ['PUBLIC_URL', 'http://localhost:3000', { publicUrl: 'http://localhost:3000/' }],
  ['PUBLIC_URL', 'https://chat.example.org/', { publicUrl: 'https://chat.example.org/' }],
  [
    'SECURITY_CONTACT',
    'mailto:security@example.org',
    { securityContact: 'mailto:security@example.org' },
  ],
  [
    'SECURITY_CONTACT',
    'https://example.org/report',
    { securityContact: 'https://example.org/report' },
  ],
  ['SECURITY_CONTACT', 'tel:+1-201-555-0123', { securityContact: 'tel:+1-201-555-0123' }],
  ['ALLOWED_HOSTS', 'Chat.Example.org', { allowedHosts: ['chat.example.org'] }],
  ['ALLOWED_HOSTS', 'bücher.example, x.net', { allowedHosts: ['xn--bcher-kva.example', 'x.net'] }],
  ['REGISTRATION', 'invite', { registration: 'invite' }],
  ['REGISTRATION', 'closed', { registration: 'closed' }],
  ['EMAILS', 'members', { emails: 'members' }],
  ['EMAILS', 'admins', { emails: 'admins' }],
  ['NAME_HOLD_DAYS', '0', { nameHold: 0 }],
  ['NAME_HOLD_DAYS', '30', { nameHold: 30 * 24 * 3_600_000 }],
  ['CACHE_MB', '0', { cacheBytes: 0 }],
  ['CACHE_MB', '64', { cacheBytes: 64 * 1024 * 1024 }],
  [
    'RATE_LIMIT',
    'off',
    {
      rateLimit: false,
      daily: { ...standard.daily, accountsPerNetwork: unlimited, accounts: unlimited },
    },
  ],
  ['CHATS_PER_USER', '7', { quotas: { ...standard.quotas, chats: 7 } }],
  ['OPEN_CHATS_PER_USER', '7', { quotas: { ...standard.quotas, openChats: 7 } }],
  ['MEMBERSHIPS_PER_USER', '7', { quotas: { ...standard.quotas, memberships: 7 } }],
  ['INVITES_PER_USER', '7', { quotas: { ...standard.quotas, invites: 7 } }],
  ['SESSIONS_PER_USER', '7', { quotas: { ...standard.quotas, sessions: 7 } }],
  ['CHATS_PER_USER', 'off', { quotas: { ...standard.quotas, chats: unlimited } }],
  ['TEXT_MB_PER_DAY', '1', { daily: { ...standard.daily, textBytes: megabyte } }],
  ['ACCOUNTS_PER_NETWORK', '9', { daily: { ...standard.daily, accountsPerNetwork: 9 } }],
  ['ACCOUNTS_PER_DAY', 'off', { daily: { ...standard.daily, accounts: unlimited } }],
  ['DISK_RESERVE_MB', '1', { diskReserve: megabyte }],
  ['DISK_RESERVE_MB', 'off', { diskReserve: 0 }],
];

t.test('every setting accepts its valid values', async (t) => {
  for (const [name, text, expected] of good) {
    t.strictSame(read(name, text), { ...read(name, ''), ...expected }, `${name}=${text}`);
  }
  const tried = new Set(good.map(([name]) => name));
  t.strictSame([...tried].sort(), Object.keys(settings).sort(), 'every setting was tried');
});

const bad: Record<Name, string[]> = {
  HOST: ['127.0.0.1:3000:x/y', 'http://localhost', 'a b', '[::1]'],
  PORT: ['-1', '65536', '3000.5', '1e3', '0x50', 'http', '３０００', '999999'],
  DATABASE_URL: [
    ':memory:',
    'file:',
    'file://elsewhere/chat.db',
    'file:///%zz',
    'a\0b',
    'file:///a%00b',
  ],
  DATABASE_MUST_EXIST: ['1', 'true', 'YES', 'maybe'],
  BACKUP_DIR: ['a\0b'],
  BACKUP_EVERY: ['24', '0h', '1.5h', '24H', '24 h', '10s', '-1h', '10000h', '1e3m'],
  BACKUP_KEEP: ['0', '-1', '7.5', 'all', '10000'],
  LOG_LEVEL: ['loud', 'INFO', '30', 'constructor'],
  TRUST_PROXY: [
    'true',
    '1',
    'loopback',
    'localhost',
    '10.0.0.0/33',
    '::1/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/255.0.0.0',
    '10.0.0',
    '010.0.0.1',
    '10.0.0.1,',
    ',',
    '10.0.0.1;10.0.0.2',
  ],
  PUBLIC_URL: [
    'chat.example.org',
    'ftp://chat.example.org',
    'https://chat.example.org/chat',
    'https://chat.example.org/?a=b',
    'https://chat.example.org/#a',
    'https://alice@chat.example.org',
    'https://',
    'javascript:alert(1)',
  ],
  SECURITY_CONTACT: [
    'security@example.org',
    'http://example.org',
    'mailto:x',
    'mailto:a@b\nExpires: x',
  ],
  ALLOWED_HOSTS: [
    'https://chat.example.org',
    'chat.example.org:443',
    'chat.example.org/x',
    'chat.example.org/',
    '*.example.org',
    'alice@chat.example.org',
    'chat.example.org,',
    'a b',
    'chat.example.org?',
  ],
  REGISTRATION: ['yes', 'Open', 'open,closed'],
  EMAILS: ['nobody', 'Members', 'true'],
  NAME_HOLD_DAYS: ['-1', '1.5', '10000', '30d', 'off'],
  CACHE_MB: ['-1', '1.5', 'all', '10000', '32MB'],
  RATE_LIMIT: ['0', 'false', 'Off', '100'],
  CHATS_PER_USER: ['0', '-1', '1.5', '1e3', 'none', '1000000000'],
  OPEN_CHATS_PER_USER: ['0', '-1', '1.5', '1e3', 'none', '1000000000'],
  MEMBERSHIPS_PER_USER: ['0', '-1', '1.5', '1e3', 'none', '1000000000'],
  INVITES_PER_USER: ['0', '-1', '1.5', '1e3', 'none', '1000000000'],
  SESSIONS_PER_USER: ['0', '-1', '1.5', '1e3', 'none', '1000000000'],
  TEXT_MB_PER_DAY: ['0', '-1', '1.5', '1e3', 'none', '1000000000'],
  ACCOUNTS_PER_NETWORK: ['0', '-1', '1.5', '1e3', 'none', '1000000000'],
  ACCOUNTS_PER_DAY: ['0', '-1', '1.5', '1e3', 'none', '1000000000'],
  DISK_RESERVE_MB: ['0', '-1', '1.5', '1e3', 'none', '1000000000'],
};

t.test('an invalid value is refused with a sentence that names the variable', async (t) => {
  for (const name of Object.keys(bad) as Name[]) {
    for (const text of bad[name]) {
      t.equal(refusal(name, text), `${name} must be ${settings[name].must}; it is "${text}".`);
    }
  }
});

t.test('a server’s database URL is refused by its scheme, without its password', async (t) => {
  for (const scheme of ['postgres', 'postgresql', 'mysql', 'libsql', 'https', 'sqlite']) {
    const sentence = refusal('DATABASE_URL', `${scheme}://snug:hunter2@db/snug`);
    t.match(sentence, new RegExp(`^DATABASE_URL .*\\b${scheme}:.*file:data/snug\\.db\\.$`));
    t.notMatch(sentence, 'hunter2');
  }
});

t.test('.env in the working directory is read, and the environment wins', async (t) => {
  const cwd = await tempFolder(t);
  await writeFile(join(cwd, '.env'), 'LOG_LEVEL=loud\nDATABASE_URL=file:here/chat.db\n');
  const refused = spawnSnug(t, { cwd });
  t.equal(await refused.exited, 1);
  t.match(refused.errors(), /^snug: LOG_LEVEL must be one of .*; it is "loud"\.\n$/);

  const server = await startServer(t, '', { cwd, env: { LOG_LEVEL: 'info', DATABASE_URL: '' } });
  await server.end('SIGTERM');
  // A variable set to an empty value wins too: the default applies.
  t.ok((await stat(join(cwd, 'data/snug.db'))).isFile());
  await t.rejects(stat(join(cwd, 'here')));
});

t.test('.env may come from any editor, and is read whole or refused', async (t) => {
  const cwd = await tempFolder(t);
  const text = 'LOG_LEVEL=loud\r\nPORT=x\r\n';
  const start = async (bytes: Buffer) => {
    await writeFile(join(cwd, '.env'), bytes);
    const refused = spawnSnug(t, { cwd });
    t.equal(await refused.exited, 1);
    return refused.errors();
  };
  t.match(await start(Buffer.from(`\ufeff${text}`)), /^snug: LOG_LEVEL must be .*"loud"\.\n$/);
  const notUtf8 = 'snug: The file .env is not in UTF-8. Save it as UTF-8.\n';
  t.equal(await start(Buffer.from(`\ufeff${text}`, 'utf16le')), notUtf8);
  t.equal(await start(Buffer.from('# caf\xe9\n', 'latin1')), notUtf8);
});

t.test('an unreadable .env is reported, not ignored', async (t) => {
  const cwd = await tempFolder(t);
  await mkdir(join(cwd, '.env'));
  const refused = spawnSnug(t, { cwd });
  t.equal(await refused.exited, 1);
  t.equal(refused.errors(), 'snug: The file .env cannot be read. Check who owns it.\n');
});
