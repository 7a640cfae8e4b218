/** Who is signed in. */
import { effect, signal } from '@preact/signals';
import { ApiError, ask, get, isSignedOut } from '../lib/api.ts';
import { readItem, writeItem } from '../lib/storage.ts';
import type { Account } from '../lib/wire.ts';

/** Undefined until it is loaded; null if nobody is signed in. */
export const account = signal<Account | null | undefined>(undefined);

export const ownId = () => account.value?.user.id ?? 0;

/** Updates the user's own name, also after a change on another device. */
export function renameOneself(name: string): void {
  const { value } = account;
  if (value) account.value = { ...value, user: { ...value.user, name } };
}

/** Whether the browser has the cookie that scripts can see. */
const hasCookie = () => /(^|; )user_id=\d/.test(document.cookie);

/** Loads who is signed in. Without the cookie, nobody is. */
export async function loadAccount(): Promise<void> {
  if (!hasCookie()) return signedOut();
  try {
    account.value = await get<Account>('/api/session', 'session');
    if (readItem(signedInKey) === null) writeItem(signedInKey, 'yes');
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403) throw error;
    signedOut();
  }
}

/** The key of the note that somebody is signed in on this device; removed when they sign out. */
const signedInKey = 'snug.signedIn';

let isSigningOut = false;

/** Runs a sign-out that the user asked for, after which no notice is shown. */
export async function signOutBy(work: Promise<unknown>): Promise<void> {
  isSigningOut = true;
  try {
    await work;
  } catch (error) {
    isSigningOut = false;
    throw error;
  }
}

/**
 * How the session ended of the user who was signed in on this device. `unknown` means that cookies
 * are there which the server does not know. Undefined for newcomers, and after signing out.
 */
export const ending = signal<'ended' | 'unknown' | undefined>(undefined);

/** Handles the end of the session: reloads the page, because all its state belonged to the user. */
export function signedOut(): void {
  if (account.value) {
    // Signing out reloads the page itself, once all traces are removed.
    if (!isSigningOut) location.reload();
    return;
  }
  const kind = hasCookie() ? 'unknown' : 'ended';
  ending.value = readItem(signedInKey) === null ? undefined : kind;
  account.value = null;
}

// Any request may have been answered with the end of the session.
effect(() => {
  if (isSignedOut.value && account.peek()) signedOut();
});

/** The browser has not stored the cookies of a session that the server has started. */
export class CookieError extends Error {}

export async function signIn(name: string, password: string): Promise<void> {
  await ask('POST', '/api/login', { name, password });
  await enter();
}

/**
 * Loads the account after signing in; throws if the cookies are missing, rather than show the form.
 */
async function enter(): Promise<void> {
  await loadAccount();
  if (account.value === null) throw new CookieError();
}

export async function register(fields: Record<string, string>): Promise<void> {
  await ask('POST', '/api/user', fields);
  await enter();
}
