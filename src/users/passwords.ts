import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { Refusal } from '../errors.ts';
import { canonicalEmail, canonicalName } from './canonical.ts';
import { PasswordQueue, type Waiter } from './password-queue.ts';

/** The minimum of OWASP's Password Storage Cheat Sheet for argon2id; memory in KiB. */
const cost = { memory: 19_456, passes: 2, parallelism: 1 } as const;

/** The length that the schema requires. */
const minLength = 8;

const saltBytes = 16;
const hashBytes = 32;

/** One core stays free for other requests while passwords are hashed. */
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
 * @param waiter the client that waits for it.
 * @returns a PHC string with a salt of its own.
 * @throws Refusal `busy` if too many passwords wait for their turn.
 */
export async function hashPassword(password: string, waiter = operator): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, { ...cost, salt }, hashBytes, waiter);
  return format({ ...cost, salt, hash });
}

/**
 * Whether a password matches a hash. Without a hash the answer is no, after the same work, so that
 * the time does not reveal whether a name exists.
 *
 * @throws Refusal `busy` if too many passwords wait for their turn.
 */
export async function verifyPassword(
  password: string,
  phc: string | undefined,
  waiter = operator,
): Promise<boolean> {
  const expected = parse(phc ?? nobody);
  const hash = await derive(password, expected, expected.hash.length, waiter);
  return timingSafeEqual(hash, expected.hash) && phc !== undefined;
}

/** Whether a hash is weaker than new ones. */
export function isOutdated(phc: string): boolean {
  const { memory, passes, parallelism } = parse(phc);
  return memory < cost.memory || passes < cost.passes || parallelism < cost.parallelism;
}

/**
 * Refuses the passwords that attackers guess first; see NIST SP 800-63B, 5.1.1.2.
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

/** The most common passwords; loaded at the first use, to keep the start short. */
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
  // RFC 8265 (OpaqueString): the same password, however the keyboard composed it.
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

/** Base64 without padding, as in the PHC format. */
function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** A hash with the cost of a real one. Zeros are enough: no password matches them. */
const nobody = format({ ...cost, salt: Buffer.alloc(saltBytes), hash: Buffer.alloc(hashBytes) });
