/** The setup of a new server: its first account is the admin, and a code protects it. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Snapshot } from '../db/query/query.ts';
import { findState, setState } from '../db/query/server-state.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { Refusal } from '../errors.ts';
import { findAnyUser } from '../users/queries.ts';

/** The server state that holds the setup code, and `done` for good from the first account on. */
const key = 'setup';
const done = 'done';

/** 32 characters that cannot be mistaken for each other: no l or 1, no o or 0. */
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

/** 80 random bits, as four groups of four characters: `k7mq-x2wd-9fhn-tb4c`. */
export function newSetupCode(): string {
  const text = Array.from(randomBytes(16), (byte) => alphabet[byte % alphabet.length]).join('');
  return text.replace(/.{4}(?=.)/g, '$&-');
}

/** The address at which the client creates the first account with this code. */
export function setupAddress(origin: string, code: string): string {
  return `${origin}/#/setup/${code}`;
}

/** What a request offers as proof that it may set up the server. */
export interface SetupProof {
  /** Whether the request comes from the server's own machine. */
  readonly isLocal: boolean;
  /** The setup code, in upper or lower case, with or without its hyphens. */
  readonly code?: string;
}

/** Whether an account ever existed. It stays true when all accounts are gone. */
export async function isSetUp(snapshot: Snapshot, _: Record<never, never>): Promise<boolean> {
  const state = await findState(snapshot, { key });
  return state?.value === done || (await findAnyUser(snapshot, {})) !== undefined;
}

/**
 * The setup code of a new server; stores `code` if there is none yet.
 *
 * @returns undefined once the server is set up.
 */
export async function ensureSetupCode(
  unit: Unit,
  { code }: { code: string },
): Promise<string | undefined> {
  if (await isSetUp(unit, {})) return undefined;
  const state = await findState(unit, { key });
  if (state === undefined) await setState(unit, { key, value: code });
  return state?.value ?? code;
}

/**
 * Lets the first account be created only from the server's own machine, or with the setup code.
 *
 * @throws Refusal `setup_needed`
 */
export async function checkSetupProof(
  snapshot: Snapshot,
  { isLocal, code = '' }: SetupProof,
): Promise<void> {
  if (isLocal) return;
  const state = await findState(snapshot, { key });
  if (state === undefined || !isSameCode(code, state.value)) throw new Refusal('setup_needed');
}

/** Records that the first account exists. */
export async function finishSetup(unit: Unit): Promise<void> {
  await setState(unit, { key, value: done });
}

/** Compares in constant time, so that the time reveals nothing about the code. */
function isSameCode(given: string, code: string): boolean {
  return timingSafeEqual(digest(given), digest(code));
}

const digest = (code: string) => hash('sha256', code.toLowerCase().replace(/[\s-]/g, ''), 'buffer');
