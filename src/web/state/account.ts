/** Who is signed in. */
import { effect, signal } from '@preact/signals';
import { ApiError, ask, get, isSignedOut } from '../lib/api.ts';
import { leaveNote, takeNote } from '../lib/storage.ts';
import type { Account } from '../lib/wire.ts';

/** Undefined until it is known; null if nobody is. */
export const account = signal<Account | null | undefined>(undefined);

export const ownId = () => account.value?.user.id ?? 0;

/** Takes over one's own new name, from another device too. */
export function renameOneself(name: string): void {
  const { value } = account;
  if (value) account.value = { ...value, user: { ...value.user, name } };
}

/** Finds out who is signed in. Without the cookie that scripts can see there is nobody to ask for. */
export async function loadAccount(): Promise<void> {
  if (!/(^|; )user_id=\d/.test(document.cookie)) return signedOut();
  try {
    account.value = await get<Account>('/api/session', 'session');
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403) throw error;
    signedOut();
  }
}

/** Where a page notes for the one after it that the session was ended. */
const endedKey = 'snug.ended';

let isSigningOut = false;

/** Signs out by one's own wish, of which one need not be told. */
export async function signOutBy(work: Promise<unknown>): Promise<void> {
  isSigningOut = true;
  try {
    await work;
  } catch (error) {
    isSigningOut = false;
    throw error;
  }
}

/** Whether the page before this one lost its session; said once. */
export const wasEnded = takeNote(endedKey);

/** Nobody is signed in any more. The page begins anew: what it knew and held was somebody's. */
export function signedOut(): void {
  if (!account.value) {
    account.value = null;
    return;
  }
  if (!isSigningOut) leaveNote(endedKey);
  location.reload();
}

// Whatever was asked, the answer was that the session is over.
effect(() => {
  if (isSignedOut.value && account.peek()) signedOut();
});

/** The browser has not kept the cookies of a session that the server has begun. */
export class CookieError extends Error {}

export async function signIn(name: string, password: string): Promise<void> {
  await ask('POST', '/api/login', { name, password });
  await enter();
}

/** The server has begun a session; without its cookies the form would come again without a word. */
async function enter(): Promise<void> {
  await loadAccount();
  if (account.value === null) throw new CookieError();
}

export async function register(fields: Record<string, string>): Promise<void> {
  await ask('POST', '/api/user', fields);
  await enter();
}
