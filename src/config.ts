/**
 * Every setting, defined once: its default, meaning and valid values. Documented in
 * docs/settings.md.
 */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { OperatorError } from './errors.ts';

interface Setting<Value> {
  readonly default: string;
  readonly description: string;
  /** Returns undefined for an invalid value. */
  readonly parse: (text: string) => Value | undefined;
  /** Describes the valid values, completing the sentence "PORT must be …". */
  readonly must: string;
}

function oneOf<const Value extends string>(...values: Value[]) {
  return {
    parse: (text: string) => values.find((value) => value === text),
    must: `one of ${values.join(', ')}`,
  };
}

const unlimited = Number.POSITIVE_INFINITY;

/** `off` means no limit; 0 would forbid everything, which nobody wants. */
const quota = {
  parse: (text: string) => {
    if (text === 'off') return unlimited;
    return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
  },
  must: 'a whole number from 1 to 999999999, or off',
};

export const settings = {
  HOST: {
    default: '127.0.0.1',
    description: 'The address to listen on; `0.0.0.0` or `::` for all addresses of the machine.',
    parse: parseHost,
    must: 'an address or a host name, like 127.0.0.1',
  },
  PORT: {
    default: '3000',
    description: 'The port to listen on; `0` picks a free one.',
    parse: parsePort,
    must: 'a whole number from 0 to 65535',
  },
  DATABASE_URL: {
    default: 'file:data/snug.db',
    description: 'The database file: `file:` and a path, or a plain path.',
    parse: parseFile,
    must: 'a path, or file: and a path',
  },
  DATABASE_MUST_EXIST: {
    default: 'no',
    description:
      '`yes` stops the start when the database is missing, for example because its disk is not mounted.',
    ...oneOf('no', 'yes'),
  },
  BACKUP_DIR: {
    default: '',
    description: 'A folder for automatic backups. It must exist. Without it there are none.',
    parse: (text: string) => (text.includes('\0') ? undefined : text),
    must: 'a path',
  },
  BACKUP_EVERY: {
    default: '24h',
    description: 'How often to back up, like `30m`, `24h`, `7d`.',
    parse: parseDuration,
    must: 'a number of minutes, hours or days, like 30m, 24h or 7d',
  },
  BACKUP_KEEP: {
    default: '7',
    description: 'How many automatic backups to keep; older ones are deleted.',
    parse: (text: string) => (/^[1-9]\d{0,3}$/.test(text) ? Number(text) : undefined),
    must: 'a whole number from 1 to 9999',
  },
  LOG_LEVEL: {
    default: 'info',
    description: 'How much to log: `fatal`, `error`, `warn`, `info`, `debug`, `trace`, `silent`.',
    ...oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
  },
  TRUST_PROXY: {
    default: '',
    description:
      'The addresses or CIDRs of your reverse proxies, separated by commas. Only their `X-Forwarded-*` headers count.',
    parse: parseProxies,
    must: 'addresses or CIDRs separated by commas, like 127.0.0.1,10.0.0.0/8',
  },
  PUBLIC_URL: {
    default: '',
    description: 'The address at which people reach the server, like `https://chat.example.org`.',
    parse: parsePublicUrl,
    must: 'an http or https address without a path, like https://chat.example.org',
  },
  ALLOWED_HOSTS: {
    default: '',
    description:
      'More host names to answer to, separated by commas. Names of a home network are always allowed.',
    parse: parseHosts,
    must: 'host names separated by commas, like chat.example.org,chat.example.net',
  },
  SECURITY_CONTACT: {
    default: '',
    description:
      'Where to report a weakness of this server, like `mailto:security@example.org`. Shown in `/.well-known/security.txt`.',
    parse: parseContact,
    must: 'a mailto:, tel: or https: address',
  },
  REGISTRATION: {
    default: 'open',
    description:
      'Who can register: `open` (everybody), `invite` (people with an invite), `closed` (nobody).',
    ...oneOf('open', 'invite', 'closed'),
  },
  EMAILS: {
    default: 'everybody',
    description:
      'Who can see the e-mail addresses of others: `everybody` who is signed in, `members` of the same chat, `admins`.',
    ...oneOf('everybody', 'members', 'admins'),
  },
  NAME_HOLD_DAYS: {
    default: '0',
    description:
      'How many days a name stays reserved after it was changed or its account was deleted.',
    parse: (text: string) => (/^\d{1,4}$/.test(text) ? Number(text) : undefined),
    must: 'a whole number from 0 to 9999',
  },
  CACHE_MB: {
    default: '32',
    description: 'The size of the read cache in MB; `0` turns it off.',
    parse: (text: string) => (/^\d{1,4}$/.test(text) ? Number(text) : undefined),
    must: 'a whole number from 0 to 9999',
  },
  RATE_LIMIT: {
    default: 'on',
    description: '`off` disables rate limiting. For testing only.',
    ...oneOf('on', 'off'),
  },
  CHATS_PER_USER: {
    default: '1000',
    description: 'How many existing chats a user may have created.',
    ...quota,
  },
  OPEN_CHATS_PER_USER: {
    default: '20',
    description: 'How many open chats, which anyone can join, a user may have created.',
    ...quota,
  },
  MEMBERSHIPS_PER_USER: {
    default: '2000',
    description:
      'How many chats a user may create or join. Being added by somebody does not count.',
    ...quota,
  },
  INVITES_PER_USER: {
    default: '200',
    description: 'How many valid invites a user may have.',
    ...quota,
  },
  SESSIONS_PER_USER: {
    default: '50',
    description: 'How many sessions a user may have. One more ends the session used longest ago.',
    ...quota,
  },
  TEXT_MB_PER_DAY: {
    default: '50',
    description: 'How many MB of text a user may write a day.',
    ...quota,
  },
  ACCOUNTS_PER_NETWORK: {
    default: '400',
    description:
      'How many accounts may be registered a day from one IPv4 address or IPv6 /64; twice as many from a /56, four times as many from a /48.',
    ...quota,
  },
  ACCOUNTS_PER_DAY: {
    default: '10000',
    description: 'How many accounts may be registered a day in total.',
    ...quota,
  },
  DISK_RESERVE_MB: {
    default: '100',
    description:
      'Keep this much disk free, in MB. Below it, only admins can write, and everybody can delete.',
    ...quota,
  },
} satisfies Record<string, Setting<unknown>>;

export type Config = ReturnType<typeof readConfig>;

/** Loads `.env` from the working directory if there is one; the environment has priority. */
export function loadConfig(): Config {
  return readConfig({ ...readEnvFile(), ...process.env });
}

/** The variables of `.env`. Unlike `process.loadEnvFile`, it ignores a byte order mark. */
function readEnvFile(): ReturnType<typeof parseEnv> {
  let bytes: Buffer;
  try {
    bytes = readFileSync('.env');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new OperatorError('The file .env cannot be read. Check who owns it.');
  }
  // Windows editors and shells may write UTF-16.
  if (!isUtf8(bytes)) throw new OperatorError('The file .env is not in UTF-8. Save it as UTF-8.');
  return parseEnv(bytes.toString().replace(/^\ufeff/, ''));
}

/**
 * Reads the settings; an unset or empty one has its default.
 *
 * @throws OperatorError that names the variable and its valid values.
 */
export function readConfig(env: Record<string, string | undefined>) {
  const get = <Name extends keyof typeof settings>(name: Name) =>
    readSetting<ParsedBy<(typeof settings)[Name]>>(name, settings[name], env[name]);
  return {
    host: get('HOST'),
    port: get('PORT'),
    databaseFile: get('DATABASE_URL'),
    mustExist: get('DATABASE_MUST_EXIST') === 'yes',
    backupDir: get('BACKUP_DIR'),
    backupEvery: get('BACKUP_EVERY'),
    backupKeep: get('BACKUP_KEEP'),
    logLevel: get('LOG_LEVEL'),
    trustProxy: get('TRUST_PROXY'),
    publicUrl: get('PUBLIC_URL').url,
    allowedHosts: get('ALLOWED_HOSTS'),
    securityContact: get('SECURITY_CONTACT').uri,
    registration: get('REGISTRATION'),
    emails: get('EMAILS'),
    quotas: {
      chats: get('CHATS_PER_USER'),
      openChats: get('OPEN_CHATS_PER_USER'),
      memberships: get('MEMBERSHIPS_PER_USER'),
      invites: get('INVITES_PER_USER'),
      sessions: get('SESSIONS_PER_USER'),
    },
    daily: {
      textBytes: get('TEXT_MB_PER_DAY') * 1024 * 1024,
      // Quotas by network are among the limits that RATE_LIMIT=off turns off.
      accountsPerNetwork: get('RATE_LIMIT') === 'on' ? get('ACCOUNTS_PER_NETWORK') : unlimited,
      accounts: get('RATE_LIMIT') === 'on' ? get('ACCOUNTS_PER_DAY') : unlimited,
    },
    diskReserve:
      (Number.isFinite(get('DISK_RESERVE_MB')) ? get('DISK_RESERVE_MB') : 0) * 1024 * 1024,
    nameHold: get('NAME_HOLD_DAYS') * unitsOfTime.d,
    cacheBytes: get('CACHE_MB') * 1024 * 1024,
    rateLimit: get('RATE_LIMIT') === 'on',
  };
}

type ParsedBy<S extends { parse: (text: string) => unknown }> = Exclude<
  ReturnType<S['parse']>,
  undefined
>;

function readSetting<Value>(name: string, setting: Setting<unknown>, given = ''): Value {
  const text = given.trim() === '' ? setting.default : given.trim();
  const value = setting.parse(text);
  if (value !== undefined) return value as Value;
  throw new OperatorError(`${name} must be ${setting.must}; it is "${text}".`);
}

/**
 * For `localhost`, Fastify would open a second server at `::1`, without the limits of the first.
 */
function parseHost(text: string): string | undefined {
  if (text === 'localhost') return '127.0.0.1';
  return /^[\w.:%-]+$/.test(text) ? text : undefined;
}

function parsePort(text: string): number | undefined {
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port <= 65_535 ? port : undefined;
}

const minute = 60_000;
const unitsOfTime = { m: minute, h: 60 * minute, d: 24 * 60 * minute };

/** In ms. */
function parseDuration(text: string): number | undefined {
  const [, count, unit = ''] = /^([1-9]\d{0,3})([mhd])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (unitsOfTime[unit as 'm'] ?? 0);
}

function parseFile(text: string): string | undefined {
  const path = pathOf(text);
  return path?.includes('\0') ? undefined : path;
}

/** A scheme has at least two letters, so that `C:\chat.db` is a path. */
function pathOf(text: string): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return text.startsWith(':') ? undefined : text;
  if (scheme !== 'file') {
    throw new OperatorError(
      `DATABASE_URL names a database by ${scheme}:, but Snug keeps its data in a file. Use file:data/snug.db.`,
    );
  }
  const path = text.startsWith('file://') ? fileUrlPath(text) : text.slice('file:'.length);
  // Text after a `?` would be SQLite's own parameters, and `:memory:` is not a file.
  return path === '' || /^:|\?/.test(path ?? '') ? undefined : path;
}

function fileUrlPath(text: string): string | undefined {
  try {
    return fileURLToPath(text);
  } catch {
    return undefined;
  }
}

function parseProxies(text: string): string[] | undefined {
  const proxies = text.split(',').map((part) => part.trim());
  if (text === '') return [];
  return proxies.every(isNetwork) ? proxies : undefined;
}

/** Whether the text is an address or a CIDR. */
function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  if (!/^\d{1,3}$/.test(prefix)) return false;
  try {
    new BlockList().addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
    return true;
  } catch {
    return false;
  }
}

/** Host names as in URLs, which is how clients send them. */
function parseHosts(text: string): string[] | undefined {
  if (text === '') return [];
  const names = text.split(',').map((part) => hostIn(part.trim()));
  return names.every((name) => name !== undefined) ? names : undefined;
}

/** The host of a URL that consists only of a host; a trailing dot is ignored. */
function hostIn(text: string): string | undefined {
  const url = /^[^\s/?#@*]+$/.test(text) ? URL.parse(`http://${text}`) : null;
  return url?.href === `http://${url?.hostname}/` ? url.hostname.replace(/\.$/, '') : undefined;
}

/** RFC 9116, 2.5.3. */
function parseContact(text: string): { uri: string | undefined } | undefined {
  if (text === '') return { uri: undefined };
  const isContact = /^(mailto:[^\s@]+@[^\s@]+|tel:[+\d().-]+|https:\/\/\S+)$/.test(text);
  return isContact ? { uri: text } : undefined;
}

function parsePublicUrl(text: string): { url: URL | undefined } | undefined {
  if (text === '') return { url: undefined };
  const url = URL.parse(text);
  const isOrigin = url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  return isOrigin ? { url } : undefined;
}
