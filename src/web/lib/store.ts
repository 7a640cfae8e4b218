/** Values that survive a reload, in the browser's storage, separately for each user. */
import { account } from '../state/account.ts';
import { itemKeys, readItem, removeItem, writeItem } from './storage.ts';

const keyOf = (name: string) => `snug.${account.value?.user.id}.${name}`;

export function load<Value>(name: string, fallback: Value): Value {
  const value = parsed<Value>(readItem(keyOf(name)));
  return typeof value === typeof fallback ? (value as Value) : fallback;
}

export function save(name: string, value: unknown): void {
  writeItem(keyOf(name), JSON.stringify(value));
}

/**
 * Calls back when another tab has changed a value.
 *
 * @returns a function that removes the listener.
 */
export function onChange(name: string, callBack: () => void): () => void {
  const listener = ({ key }: StorageEvent) => {
    if (key === keyOf(name)) callBack();
  };
  addEventListener('storage', listener);
  return () => removeEventListener('storage', listener);
}

export function drop(name: string): void {
  removeItem(keyOf(name));
}

/** All values whose name has a prefix, in no particular order. */
export function loadAll<Value>(prefix: string): Value[] {
  return itemKeys()
    .filter((key) => key.startsWith(keyOf(prefix)))
    .map((key) => parsed<Value>(readItem(key)))
    .filter((value) => value !== undefined);
}

/** Returns undefined for what is not JSON: another version of this page may have left it. */
function parsed<Value>(text: string | null): Value | undefined {
  try {
    return text === null ? undefined : (JSON.parse(text) ?? undefined);
  } catch {
    return undefined;
  }
}

/** Removes all stored values of all users of this browser. */
export function forgetAll(): void {
  for (const key of itemKeys()) if (key.startsWith('snug.')) removeItem(key);
}
