import type { CommittedEvent } from '../unit-of-work.ts';
import type { Cacheable, CacheEntry, Key } from './cached-query.ts';
import { CacheEntries, tagsOfEntry } from './entries.ts';
import { nameOf, tagsOf } from './tags.ts';

/**
 * What was read lately, kept in memory until an event says that it has changed. The events are told
 * after their commit and before anybody's write is acknowledged, so nobody is shown what was before
 * their own write.
 */
export class Cache {
  readonly #entries: CacheEntries;
  readonly #isOff: boolean;
  #changes = 0;
  #loading = 0;
  /** What has changed while something was being read: that read may not have seen it. */
  readonly #changed = new Set<string>();
  #isAllChanged = false;

  /** @param maxBytes how much is kept at the most, about; 0 keeps nothing. */
  constructor(maxBytes: number) {
    this.#entries = new CacheEntries(maxBytes);
    this.#isOff = maxBytes === 0;
  }

  /** Whether this very value is kept. */
  isCurrent(value: object): boolean {
    return this.#entries.isCurrent(value);
  }

  get changes(): number {
    return this.#changes;
  }

  /** What is kept of a thing, or undefined. */
  get<Value>(kind: Cacheable<never, Value>, key: Key): Value | undefined {
    return this.#entries.get(kind, key);
  }

  /** Reads a thing and keeps it, unless it has changed meanwhile. */
  async load<Value extends object | undefined>(
    kind: Cacheable<never, Value>,
    key: Key,
    read: () => Promise<CacheEntry<Value>>,
  ): Promise<Value> {
    const [value] = await this.#loadMany(kind, [key], async () => [await read()]);
    return value as Value;
  }

  /** Several things in their order; `read` reads those of them that are not kept. */
  getMany<Input, Value extends object | undefined>(
    kind: Cacheable<Input, Value>,
    inputs: readonly Input[],
    read: (missing: readonly Input[]) => Promise<CacheEntry<Value>[]>,
  ): readonly Value[] | Promise<readonly Value[]> {
    const found = inputs.map((input) => this.get(kind, kind.key(input)));
    if (!found.includes(undefined)) return found as Value[];
    const missing = inputs.filter((_, index) => found[index] === undefined);
    const keys = missing.map((input) => kind.key(input));
    return this.#loadMany(kind, keys, () => read(missing)).then((values) => {
      const next = values.values();
      return found.map((value) => value ?? (next.next().value as Value));
    });
  }

  async #loadMany<Value extends object | undefined>(
    kind: Cacheable<never, Value>,
    keys: readonly Key[],
    read: () => Promise<CacheEntry<Value>[]>,
  ): Promise<Value[]> {
    this.#loading += 1;
    try {
      const known = await read();
      known.forEach((one, index) => {
        const isSo = isFound(one) && !this.#hasChanged(one);
        if (isSo) this.#entries.set(kind, keys[index] as Key, one);
      });
      return known.map(({ value }) => value);
    } finally {
      this.#loading -= 1;
      if (this.#loading === 0) this.#forgetChanges();
    }
  }

  /** Drops what is no longer so. */
  invalidate(events: readonly CommittedEvent[]): void {
    if (this.#isOff) return;
    this.#changes += events.length;
    for (const event of events) {
      for (const topic of tagsOf(event)) {
        if (this.#loading > 0) this.#changed.add(nameOf(topic));
        this.#entries.invalidate(topic, event);
      }
    }
  }

  /** Drops one thing. */
  evict(kind: Cacheable<never, unknown>, key: Key): void {
    if (this.#entries.evict(kind, key)) this.#changes += 1;
  }

  /** Drops everything: something has changed of which no event tells. */
  clear(): void {
    this.#changes += 1;
    this.#isAllChanged = this.#loading > 0;
    this.#entries.clear();
  }

  #hasChanged(known: CacheEntry<object>): boolean {
    if (this.#isAllChanged) return true;
    return this.#changed.size > 0 && tagsOfEntry(known).some((on) => this.#changed.has(nameOf(on)));
  }

  #forgetChanges(): void {
    this.#changed.clear();
    this.#isAllChanged = false;
  }
}

function isFound<Value>(known: CacheEntry<Value>): known is CacheEntry<Value & object> {
  return known.value !== undefined;
}
