/** The setup of a new server: its first account is the admin's, and a code guards it. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Snapshot } from '../db/query/query.ts';
import { findState, setState } from '../db/query/server-state.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { Refusal } from '../errors.ts';
import { findAnyUser } from '../users/queries.ts';

/** The fact that holds the setup code, and `done` from the first account on, for good. */
const key = 'setup';
const done = 'done';

/** 32 characters that nobody mistakes for each other: no l or 1, no o or 0. */
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

/** 80 random bits, as four groups of four characters: `k7mq-x2wd-9fhn-tb4c`. */
export function newSetupCode(): string {
  const text = Array.from(randomBytes(16), (byte) => alphabet[byte % alphabet.length]).join('');
  return text.replace(/.{4}(?=.)/g, '$&-');
}

/** Where the client makes the first account by this code. */
export function setupAddress(origin: string, code: string): string {
  return `${origin}/#/setup/${code}`;
}

/** How somebody may prove that the server is theirs to set up. */
export interface SetupProof {
  /** Whether the request comes from the machine that the server runs on. */
  readonly isLocal: boolean;
  /** The setup code, in upper or lower case, with or without its hyphens. */
  readonly code?: string;
}

/** Whether there ever was an account. It stays true when all accounts are gone. */
export async function isSetUp(snapshot: Snapshot, _: Record<never, never>): Promise<boolean> {
  const state = await findState(snapshot, { key });
  return state?.value === done || (await findAnyUser(snapshot, {})) !== undefined;
}

/**
 * The setup code of a new server, made of `code` where there is none yet.
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
 * Lets the first account be made from the server's own machine, or by the setup code.
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

/** Notes that the first account is made. */
export async function finishSetup(unit: Unit): Promise<void> {
  await setState(unit, { key, value: done });
}

/** In constant time: how long it takes says nothing about how much of the code is right. */
function isSameCode(given: string, code: string): boolean {
  return timingSafeEqual(digest(given), digest(code));
}

const digest = (code: string) => hash('sha256', code.toLowerCase().replace(/[\s-]/g, ''), 'buffer');
