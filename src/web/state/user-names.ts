/** A cache of user names by id. */
import { type Signal, signal } from '@preact/signals';
import { ApiError, get, NetworkError } from '../lib/api.ts';
import type { Member, User } from '../lib/wire.ts';

/** How many names are looked up at once. */
const mostLookUps = 4;

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

/** Look-ups that wait until another one ends. */
const queue: (() => void)[] = [];
let underWay = 0;

/** Looks a name up, once there are few enough others to leave time for the rest of the page. */
async function lookUp(id: number, name: Signal<string | undefined>): Promise<void> {
  if (underWay === mostLookUps) await new Promise<void>((resolve) => queue.push(resolve));
  else underWay += 1;
  const wait = await request(id, name);
  const next = queue.shift();
  if (next === undefined) underWay -= 1;
  else next();
  if (wait > 0) await lookUpLater(id, name, wait);
}

/** Returns after how many ms the server wants to be asked again; 0 if it has answered. */
async function request(id: number, name: Signal<string | undefined>): Promise<number> {
  try {
    name.value = (await get<{ user: User }>(`/api/user/${id}`, 'user')).user.name;
  } catch (error) {
    if (error instanceof NetworkError && error.wait > 0) return error.wait;
    // After any other error than "no such user", the name is looked up again when it is next
    // needed.
    if (error instanceof ApiError && error.status === 404) name.value = '';
    else names.delete(id);
  }
  return 0;
}

let waiting = Promise.resolve();

/**
 * Look-ups beyond the server's rate limit wait in a queue, each for the time that the server asks.
 */
function lookUpLater(id: number, name: Signal<string | undefined>, wait: number): Promise<void> {
  waiting = waiting.then(() => new Promise((resolve) => setTimeout(resolve, wait)));
  return waiting.then(() => lookUp(id, name));
}
