/** The names behind ids. */
import { type Signal, signal } from '@preact/signals';
import { ApiError, get, NetworkError } from '../lib/api.ts';
import type { Member, User } from '../lib/wire.ts';

const names = new Map<number, Signal<string | undefined>>();

/** A user's name: undefined while it is looked up, empty if there is no such user any more. */
export function nameOf(id: number): string | undefined {
  const known = names.get(id);
  if (known !== undefined) return known.value;
  const name = signal<string | undefined>(undefined);
  names.set(id, name);
  void lookUp(id, name);
  return name.value;
}

/** A user's name if it has been needed before. */
export function knownName(id: number): string | undefined {
  return names.get(id)?.peek();
}

/** The same for who can wait for it: empty if it cannot be had. */
export async function findName(id: number): Promise<string> {
  const name = names.get(id) ?? signal<string | undefined>(undefined);
  names.set(id, name);
  if (name.value === undefined) await lookUp(id, name);
  return name.value ?? '';
}

/**
 * Looks a known name up again.
 *
 * @returns whether there is no such user any more.
 */
export async function forgetIfGone(id: number): Promise<boolean> {
  const name = names.get(id);
  if (!name?.peek()) return false;
  await lookUp(id, name);
  return name.peek() === '';
}

/** Takes names from a list of members, which spares looking them up. */
export function cacheNames(members: readonly Pick<Member, 'id' | 'name'>[]): void {
  for (const { id, name } of members) {
    const known = names.get(id);
    if (known === undefined) names.set(id, signal<string | undefined>(name));
    else known.value = name;
  }
}

async function lookUp(id: number, name: Signal<string | undefined>): Promise<void> {
  try {
    name.value = (await get<{ user: User }>(`/api/user/${id}`, 'user')).user.name;
  } catch (error) {
    if (error instanceof NetworkError && error.wait > 0) return lookUpLater(id, name, error.wait);
    // Anything else than "no such user" is asked for again when it is next needed.
    if (error instanceof ApiError && error.status === 404) name.value = '';
    else names.delete(id);
  }
}

let waiting = Promise.resolve();

/** The server has a limit on look-ups: those beyond it wait in line, each for as long as it says. */
function lookUpLater(id: number, name: Signal<string | undefined>, wait: number): Promise<void> {
  waiting = waiting.then(() => new Promise((resolve) => setTimeout(resolve, wait)));
  return waiting.then(() => lookUp(id, name));
}
