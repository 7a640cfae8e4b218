/** Who is signed in. */
import { effect, signal } from '@preact/signals';
import { ApiError, ask, get, isSignedOut } from '../lib/api.ts';
import { leaveNote, takeNote } from '../lib/storage.ts';
import type { Account } from '../lib/wire.ts';

/** Undefined until it is loaded; null if nobody is signed in. */
export const account = signal<Account | null | undefined>(undefined);

export const ownId = () => account.value?.user.id ?? 0;

/** Updates the user's own name, also after a change on another device. */
export function renameOneself(name: string): void {
  const { value } = account;
  if (value) account.value = { ...value, user: { ...value.user, name } };
}

/** Loads who is signed in. Without the cookie that scripts can see, nobody is. */
export async function loadAccount(): Promise<void> {
  if (!/(^|; )user_id=\d/.test(document.cookie)) return signedOut();
  try {
    account.value = await get<Account>('/api/session', 'session');
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403) throw error;
    signedOut();
  }
}

/** The key of the note that tells the next page that the session ended. */
const endedKey = 'snug.ended';

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

/** Whether the previous page lost its session; shown once. */
export const wasEnded = takeNote(endedKey);

/** Handles the end of the session: reloads the page, because all its state belonged to the user. */
export function signedOut(): void {
  if (!account.value) {
    account.value = null;
    return;
  }
  if (!isSigningOut) leaveNote(endedKey);
  location.reload();
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
