import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { Refusal } from '../errors.ts';
import { canonicalEmail, canonicalName } from './canonical.ts';
import { PasswordQueue, type Waiter } from './password-queue.ts';

/** The least that OWASP's Password Storage Cheat Sheet asks of argon2id; memory in KiB. */
const cost = { memory: 19_456, passes: 2, parallelism: 1 } as const;

/** Shorter ones are refused by their schema already. */
const minLength = 8;

const saltBytes = 16;
const hashBytes = 32;

/** A core stays free for everybody else's requests while passwords are hashed. */
const queue = new PasswordQueue(Math.max(1, availableParallelism() - 1));

/** The operator at the command line. */
const operator: Waiter = { isKnown: true, networks: [] };

/** The parts of a PHC string: $argon2id$v=19$m=19456,t=2,p=1$salt$hash. */
interface Phc {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/**
 * Hashes a password with argon2id (RFC 9106) in the thread pool.
 *
 * @param waiter who waits for it.
 * @returns a PHC string with a salt of its own.
 * @throws Refusal `busy` if too many passwords wait for their turn.
 */
export async function hashPassword(password: string, waiter = operator): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, { ...cost, salt }, hashBytes, waiter);
  return format({ ...cost, salt, hash });
}

/**
 * Tells whether a password is the one behind a hash. Without a hash the answer is no, after the
 * same work, so that the time does not tell whether a name exists.
 *
 * @throws Refusal `busy` if too many passwords wait for their turn.
 */
export async function verifyPassword(
  password: string,
  phc: string | undefined,
  waiter = operator,
): Promise<boolean> {
  const wanted = parse(phc ?? nobody);
  const hash = await derive(password, wanted, wanted.hash.length, waiter);
  return timingSafeEqual(hash, wanted.hash) && phc !== undefined;
}

/** Tells whether a hash is weaker than those that are made today. */
export function isOutdated(phc: string): boolean {
  const { memory, passes, parallelism } = parse(phc);
  return memory < cost.memory || passes < cost.passes || parallelism < cost.parallelism;
}

/**
 * Refuses the passwords that are guessed first; see NIST SP 800-63B, 5.1.1.2.
 *
 * @throws Refusal `password_is_name`, `password_common`.
 */
export async function checkPassword(
  password: string,
  { name, email }: { name: string; email: string },
): Promise<void> {
  const key = canonicalName(password);
  if (key === canonicalName(name) || key === canonicalName(canonicalEmail(email))) {
    throw new Refusal('password_is_name');
  }
  if ((await commonPasswords()).has(password.toLowerCase())) throw new Refusal('password_common');
}

let common: Promise<ReadonlySet<string>> | undefined;

/** The most common passwords; read when the first one is chosen, to keep the start short. */
function commonPasswords(): Promise<ReadonlySet<string>> {
  common ??= import('@zxcvbn-ts/language-common').then(
    ({ dictionary }) =>
      new Set(dictionary['passwords-common'].filter((password) => password.length >= minLength)),
  );
  return common;
}

async function derive(
  password: string,
  { memory, passes, parallelism, salt }: Omit<Phc, 'hash'>,
  tagLength: number,
  waiter: Waiter,
): Promise<Buffer> {
  // RFC 8265 (OpaqueString): one password, however the keyboard composed it.
  const message = password.normalize('NFC');
  return queue.run(waiter, () =>
    promisify(argon2)('argon2id', { message, nonce: salt, memory, passes, parallelism, tagLength }),
  );
}

function format({ memory, passes, parallelism, salt, hash }: Phc): string {
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(hash)}`;
}

function parse(phc: string): Phc {
  const parts = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(phc);
  const [, memory, passes, parallelism, salt, hash] = parts ?? [];
  if (salt === undefined || hash === undefined) throw new Error('not a PHC string of argon2id');
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}

/** Base64 without padding, as the PHC format has it. */
function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** A hash that no password has, with the cost of a real one. Zeros do: it matches nothing anyway. */
const nobody = format({ ...cost, salt: Buffer.alloc(saltBytes), hash: Buffer.alloc(hashBytes) });
