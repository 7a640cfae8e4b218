/** A cache of user names by id. */
import { type Signal, signal } from '@preact/signals';
import { ApiError, get, NetworkError } from '../lib/api.ts';
import type { Member, User } from '../lib/wire.ts';

const names = new Map<number, Signal<string | undefined>>();

/** A user's name: undefined while it is being looked up, empty if the user no longer exists. */
export function nameOf(id: number): string | undefined {
  const cached = names.get(id);
  if (cached !== undefined) return cached.value;
  const name = signal<string | undefined>(undefined);
  names.set(id, name);
  void lookUp(id, name);
  return name.value;
}

/** A user's name if it has been looked up before. */
export function cachedName(id: number): string | undefined {
  return names.get(id)?.peek();
}

/** Looks up a user's name and waits for it; empty if that fails. */
export async function findName(id: number): Promise<string> {
  const name = names.get(id) ?? signal<string | undefined>(undefined);
  names.set(id, name);
  if (name.value === undefined) await lookUp(id, name);
  return name.value ?? '';
}

/**
 * Looks up a name again, or for the first time.
 *
 * @returns whether the user no longer exists.
 */
export async function forgetIfGone(id: number): Promise<boolean> {
  const name = names.get(id) ?? signal<string | undefined>(undefined);
  names.set(id, name);
  if (name.peek() !== '') await lookUp(id, name);
  return name.peek() === '';
}

/** Caches the names from a list of members, so that they need no lookup. */
export function cacheNames(members: readonly Pick<Member, 'id' | 'name'>[]): void {
  for (const { id, name } of members) {
    const cached = names.get(id);
    if (cached === undefined) names.set(id, signal<string | undefined>(name));
    else cached.value = name;
  }
}

async function lookUp(id: number, name: Signal<string | undefined>): Promise<void> {
  try {
    name.value = (await get<{ user: User }>(`/api/user/${id}`, 'user')).user.name;
  } catch (error) {
    if (error instanceof NetworkError && error.wait > 0) return lookUpLater(id, name, error.wait);
    // After any other error than "no such user", the name is looked up again when it is next
    // needed.
    if (error instanceof ApiError && error.status === 404) name.value = '';
    else names.delete(id);
  }
}

let waiting = Promise.resolve();

/**
 * Lookups beyond the server's rate limit wait in a queue, each for the time that the server asks.
 */
function lookUpLater(id: number, name: Signal<string | undefined>, wait: number): Promise<void> {
  waiting = waiting.then(() => new Promise((resolve) => setTimeout(resolve, wait)));
  return waiting.then(() => lookUp(id, name));
}
