/** What survives a reload, in the browser's own storage, apart for each user. */
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
 * Calls back when another tab has changed something.
 *
 * @returns what ends it.
 */
export function onChange(name: string, callBack: () => void): () => void {
  const hear = ({ key }: StorageEvent) => {
    if (key === keyOf(name)) callBack();
  };
  addEventListener('storage', hear);
  return () => removeEventListener('storage', hear);
}

/** Forgets one thing. */
export function drop(name: string): void {
  removeItem(keyOf(name));
}

/** Everything whose name begins so, in no order. */
export function loadAll<Value>(beginning: string): Value[] {
  return itemKeys()
    .filter((key) => key.startsWith(keyOf(beginning)))
    .map((key) => parsed<Value>(readItem(key)))
    .filter((value) => value !== undefined);
}

/** What another version of this page, or a hand, has left there need not be JSON. */
function parsed<Value>(text: string | null): Value | undefined {
  try {
    return text === null ? undefined : (JSON.parse(text) ?? undefined);
  } catch {
    return undefined;
  }
}

/** Forgets everything that was kept, of every user of this browser. */
export function forgetAll(): void {
  for (const key of itemKeys()) if (key.startsWith('snug.')) removeItem(key);
}
