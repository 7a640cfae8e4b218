/** Who is signed in. */
import { signal } from '@preact/signals';
import { ApiError, ask, get } from '../lib/api.ts';
import type { Account } from '../lib/wire.ts';

/** Undefined until it is known; null if nobody is. */
export const account = signal<Account | null | undefined>(undefined);

export const ownId = () => account.value?.user.id ?? 0;

/** Whether a text calls oneself by @name, as far as that can be told without the server. */
export function isCalledIn(text: string): boolean {
  const name = account.value?.user.name.toLocaleLowerCase();
  return name !== undefined && text.toLocaleLowerCase().includes(`@${name}`);
}

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

/** Nobody is signed in any more. The page begins anew: what it knew and held was somebody's. */
export function signedOut(): void {
  if (account.value) location.reload();
  else account.value = null;
}

export async function signIn(name: string, password: string): Promise<void> {
  await ask('POST', '/api/login', { name, password });
  await loadAccount();
}

export async function register(fields: Record<string, string>): Promise<void> {
  await ask('POST', '/api/user', fields);
  await loadAccount();
}
