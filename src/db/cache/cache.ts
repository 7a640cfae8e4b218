import type { Told } from '../unit-of-work.ts';
import type { Keepable, Key, Known } from './cached-query.ts';
import { awaited, Entries } from './entries.ts';
import { nameOf, topicsOf } from './tags.ts';

/**
 * What was read lately, kept in memory until an event says that it has changed. The events are told
 * after their commit and before anybody's write is acknowledged, so nobody is shown what was before
 * their own write.
 */
export class Kept {
  readonly #entries: Entries;
  readonly #isOff: boolean;
  #changes = 0;
  #loading = 0;
  /** What has changed while something was being read: that read may not have seen it. */
  readonly #changed = new Set<string>();
  #isAllChanged = false;

  /** @param maxBytes how much is kept at the most, about; 0 keeps nothing. */
  constructor(maxBytes: number) {
    this.#entries = new Entries(maxBytes);
    this.#isOff = maxBytes === 0;
  }

  /** Whether this very value is kept. */
  holds(value: object): boolean {
    return this.#entries.holds(value);
  }

  get changes(): number {
    return this.#changes;
  }

  /** What is kept of a thing, or undefined. */
  find<Value>(kind: Keepable<never, Value>, key: Key): Value | undefined {
    return this.#entries.find(kind, key);
  }

  /** Reads a thing and keeps it, unless it has changed meanwhile. */
  async load<Value extends object | undefined>(
    kind: Keepable<never, Value>,
    key: Key,
    read: () => Promise<Known<Value>>,
  ): Promise<Value> {
    const [value] = await this.#loadAll(kind, [key], async () => [await read()]);
    return value as Value;
  }

  /** Several things in their order; `read` reads those of them that are not kept. */
  findAll<Input, Value extends object | undefined>(
    kind: Keepable<Input, Value>,
    inputs: readonly Input[],
    read: (missing: readonly Input[]) => Promise<Known<Value>[]>,
  ): readonly Value[] | Promise<readonly Value[]> {
    const found = inputs.map((input) => this.find(kind, kind.key(input)));
    if (!found.includes(undefined)) return found as Value[];
    const missing = inputs.filter((_, index) => found[index] === undefined);
    const keys = missing.map((input) => kind.key(input));
    return this.#loadAll(kind, keys, () => read(missing)).then((values) => {
      const next = values.values();
      return found.map((value) => value ?? (next.next().value as Value));
    });
  }

  async #loadAll<Value extends object | undefined>(
    kind: Keepable<never, Value>,
    keys: readonly Key[],
    read: () => Promise<Known<Value>[]>,
  ): Promise<Value[]> {
    this.#loading += 1;
    try {
      const known = await read();
      known.forEach((one, index) => {
        const isSo = isThere(one) && !this.#hasChanged(one);
        if (isSo) this.#entries.keep(kind, keys[index] as Key, one);
      });
      return known.map(({ value }) => value);
    } finally {
      this.#loading -= 1;
      if (this.#loading === 0) this.#beginAnew();
    }
  }

  /** Drops what is no longer so. */
  take(events: readonly Told[]): void {
    if (this.#isOff) return;
    this.#changes += events.length;
    for (const event of events) {
      for (const topic of topicsOf(event)) {
        if (this.#loading > 0) this.#changed.add(nameOf(topic));
        this.#entries.outdate(topic, event);
      }
    }
  }

  /** Drops one thing. */
  forget(kind: Keepable<never, unknown>, key: Key): void {
    if (this.#entries.drop(kind, key)) this.#changes += 1;
  }

  /** Drops everything: something has changed of which no event tells. */
  clear(): void {
    this.#changes += 1;
    this.#isAllChanged = this.#loading > 0;
    this.#entries.dropAll();
  }

  #hasChanged(known: Known<object>): boolean {
    if (this.#isAllChanged) return true;
    return this.#changed.size > 0 && awaited(known).some((on) => this.#changed.has(nameOf(on)));
  }

  #beginAnew(): void {
    this.#changed.clear();
    this.#isAllChanged = false;
  }
}

function isThere<Value>(known: Known<Value>): known is Known<Value & object> {
  return known.value !== undefined;
}
