import type { CommittedEvent } from '../unit-of-work.ts';
import type { Cacheable, CacheEntry, Key } from './cached-query.ts';
import { type Change, ChangeLog } from './change-log.ts';
import { CacheEntries, tagsOfEntry } from './entries.ts';
import { nameOf, tagsOf } from './tags.ts';

/**
 * The results of recent reads, cached in memory until an event invalidates them. `README.md` in
 * this folder explains it. Events are applied after their commit and before any write is
 * acknowledged, so nobody sees a state older than their own write.
 */
export class Cache {
  readonly #entries: CacheEntries;
  readonly #isOff: boolean;
  readonly #changes = new ChangeLog();
  #loading = 0;
  /** Tags invalidated while a read was under way: that read may not have seen the change. */
  readonly #changed = new Set<string>();
  #isAllChanged = false;

  /** @param maxBytes the approximate limit for all entries; 0 turns the cache off. */
  constructor(maxBytes: number) {
    this.#entries = new CacheEntries(maxBytes);
    this.#isOff = maxBytes === 0;
  }

  /** Whether this very object is cached. */
  isCurrent(value: object): boolean {
    return this.#entries.isCurrent(value);
  }

  get changes(): number {
    return this.#changes.count;
  }

  /** The changes after the first `count`; undefined if they are no longer remembered. */
  changesSince(count: number): readonly Change[] | undefined {
    return this.#changes.since(count);
  }

  /** The cached value for a key, or undefined. */
  get<Value>(query: Cacheable<never, Value>, key: Key): Value | undefined {
    return this.#entries.get(query, key);
  }

  /** Reads a value and caches it, unless it was invalidated during the read. */
  async load<Value extends object | undefined>(
    query: Cacheable<never, Value>,
    key: Key,
    read: () => Promise<CacheEntry<Value>>,
  ): Promise<Value> {
    const [value] = await this.#loadMany(query, [key], async () => [await read()]);
    return value as Value;
  }

  /** Several values in the order of `inputs`; `read` reads those that are not cached. */
  getMany<Input, Value extends object | undefined>(
    query: Cacheable<Input, Value>,
    inputs: readonly Input[],
    read: (missing: readonly Input[]) => Promise<CacheEntry<Value>[]>,
  ): readonly Value[] | Promise<readonly Value[]> {
    const found = inputs.map((input) => this.get(query, query.key(input)));
    if (!found.includes(undefined)) return found as Value[];
    const missing = inputs.filter((_, index) => found[index] === undefined);
    const keys = missing.map((input) => query.key(input));
    return this.#loadMany(query, keys, () => read(missing)).then((values) => {
      const next = values.values();
      return found.map((value) => value ?? (next.next().value as Value));
    });
  }

  async #loadMany<Value extends object | undefined>(
    query: Cacheable<never, Value>,
    keys: readonly Key[],
    read: () => Promise<CacheEntry<Value>[]>,
  ): Promise<Value[]> {
    this.#loading += 1;
    try {
      const entries = await read();
      entries.forEach((entry, index) => {
        const isCacheable = isFound(entry) && !this.#hasChanged(entry);
        if (isCacheable) this.#entries.set(query, keys[index] as Key, entry);
      });
      return entries.map(({ value }) => value);
    } finally {
      this.#loading -= 1;
      if (this.#loading === 0) this.#resetChanges();
    }
  }

  /** Applies committed events: updates or removes every entry that depends on them. */
  invalidate(events: readonly CommittedEvent[]): void {
    if (this.#isOff) return;
    for (const event of events) {
      const { chatId, userId } = event;
      this.#changes.add({ chatId, userId });
      for (const tag of tagsOf(event)) {
        if (this.#loading > 0) this.#changed.add(nameOf(tag));
        this.#entries.invalidate(tag, event);
      }
    }
  }

  /** Removes one entry. */
  evict(query: Cacheable<never, unknown>, key: Key): void {
    if (this.#entries.evict(query, key)) this.#changes.add({});
  }

  /** Removes all entries, after a change that no event describes. */
  clear(): void {
    this.#changes.addUnknown();
    this.#isAllChanged = this.#loading > 0;
    this.#entries.clear();
  }

  #hasChanged(entry: CacheEntry<object>): boolean {
    if (this.#isAllChanged) return true;
    return (
      this.#changed.size > 0 && tagsOfEntry(entry).some((tag) => this.#changed.has(nameOf(tag)))
    );
  }

  #resetChanges(): void {
    this.#changed.clear();
    this.#isAllChanged = false;
  }
}

function isFound<Value>(entry: CacheEntry<Value>): entry is CacheEntry<Value & object> {
  return entry.value !== undefined;
}
