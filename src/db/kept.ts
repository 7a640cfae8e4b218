import type { EventRow } from './commit.ts';
import type { Snapshot } from './query.ts';
import { nameOf, type Topic, topicsOf, Waiting } from './topics.ts';

export { about } from './topics.ts';

/** A number is found sooner than a text. */
type Key = number | string;

/** Things of one kind that are worth keeping: what each is called, and how it is read. */
export interface Kind<Input, Value> {
  key(input: Input): Key;
  /** @param outgrown what was kept, if since then there were but events that it is `grownBy`. */
  read(snapshot: Snapshot, input: Input, outgrown?: Value): Promise<Known<Value>>;
}

/** The database as who asks for the same things again and again knows it. */
export interface Memory {
  /** What a thing of this kind is, from memory if it is kept there; else by a read. */
  recall<Input, Value extends object | undefined>(
    kind: Kind<Input, Value>,
    input: Input,
  ): Value | Promise<Value>;
  /** Whether what `recall` gave is kept still, so that what was made of it is still right. */
  holds(value: object): boolean;
}

/** What is known of a thing, and which events end that. */
export interface Known<Value> {
  /** Undefined is not kept: anybody could fill the memory by asking for what is not there. */
  readonly value: Value;
  /** See `about`. */
  readonly until: readonly Topic[];
  /** After these it is not all, but what it says is still right: the next read may start from it. */
  readonly grownBy?: readonly Topic[];
  /** What the value takes in memory, about, in bytes. */
  readonly bytes: number;
}

/** What is known of what is not there. */
export const nothing = { value: undefined, until: [], bytes: 0 } as const;

/** What an entry takes beside its value, and for each event that it waits for, in bytes. */
const entryBytes = 300;
const topicBytes = 100;

interface Entry extends Known<object> {
  /** Where it is kept: all of its kind, and its key among them. */
  readonly shelf: Map<Key, Entry>;
  readonly key: Key;
  readonly size: number;
  isOutgrown: boolean;
  /** Whether it was asked for since it was last its turn to go. */
  isWanted: boolean;
}

/**
 * What was read lately, kept in memory until an event says that it has changed. It is bounded in
 * bytes: what was kept longest goes first, unless it was asked for since (CLOCK: a flag is cheaper
 * to keep than a list in the order of use, and look-ups are nearly all that is done here). The
 * events are told after their commit and before anybody's write is acknowledged, so nobody is shown
 * what was before their own write.
 */
export class Kept {
  readonly #maxBytes: number;
  #bytes = 0;
  readonly #shelves = new Map<object, Map<Key, Entry>>();
  /** In the order in which it is their turn to go. */
  readonly #entries = new Set<Entry>();
  readonly #waiting = new Waiting<Entry>();
  readonly #values = new Set<object>();
  #loading = 0;
  /** What has changed while something was being read: that read may not have seen it. */
  readonly #changed = new Set<string>();
  #isAllChanged = false;

  /** @param maxBytes 0 keeps nothing. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether this very value is kept. */
  holds(value: object): boolean {
    return this.#values.has(value);
  }

  /** What is kept of a thing, or undefined. */
  find<Value>(kind: Kind<never, Value>, key: Key): Value | undefined {
    const entry = this.#shelves.get(kind)?.get(key);
    if (entry === undefined || entry.isOutgrown) return undefined;
    entry.isWanted = true;
    return entry.value as Value;
  }

  /** What was kept of a thing and is to be added to, or undefined. */
  findOutgrown<Value>(kind: Kind<never, Value>, key: Key): Value | undefined {
    const entry = this.#shelves.get(kind)?.get(key);
    return entry?.isOutgrown === true ? (entry.value as Value) : undefined;
  }

  /** Reads a thing and keeps it, unless it has changed meanwhile. */
  async load<Value extends object | undefined>(
    kind: Kind<never, Value>,
    key: Key,
    read: () => Promise<Known<Value>>,
  ): Promise<Value> {
    this.#loading += 1;
    try {
      const known = await read();
      if (isThere(known) && !this.#hasChanged(known)) this.#keep(kind, key, known);
      return known.value;
    } finally {
      this.#loading -= 1;
      if (this.#loading === 0) this.#beginAnew();
    }
  }

  /** Drops what is no longer so. */
  take(events: readonly EventRow[]): void {
    if (this.#maxBytes === 0) return;
    for (const topic of events.flatMap(topicsOf)) {
      if (this.#loading > 0) this.#changed.add(nameOf(topic));
      for (const entry of this.#waiting.for(topic)) this.#outdate(entry, topic);
    }
  }

  /** Drops one thing. */
  forget(kind: Kind<never, unknown>, key: Key): void {
    const entry = this.#shelves.get(kind)?.get(key);
    if (entry !== undefined) this.#drop(entry);
  }

  /** Drops everything: something has changed of which no event tells. */
  clear(): void {
    this.#isAllChanged = this.#loading > 0;
    for (const entry of this.#entries) this.#drop(entry);
  }

  #hasChanged(known: Known<object>): boolean {
    if (this.#isAllChanged) return true;
    return this.#changed.size > 0 && awaited(known).some((on) => this.#changed.has(nameOf(on)));
  }

  #beginAnew(): void {
    this.#changed.clear();
    this.#isAllChanged = false;
  }

  #keep(kind: Kind<never, unknown>, key: Key, known: Known<object>): void {
    this.forget(kind, key);
    const topics = awaited(known);
    const size = known.bytes + entryBytes + topics.length * topicBytes;
    if (size > this.#maxBytes) return;
    const entry = {
      ...known,
      key,
      shelf: this.#shelfOf(kind),
      size,
      isOutgrown: false,
      isWanted: false,
    };
    this.#makeRoom(size);
    this.#bytes += size;
    this.#entries.add(entry);
    entry.shelf.set(key, entry);
    this.#values.add(entry.value);
    for (const topic of topics) this.#waiting.add(topic, entry);
  }

  #shelfOf(kind: object): Map<Key, Entry> {
    const shelf = this.#shelves.get(kind) ?? new Map<Key, Entry>();
    this.#shelves.set(kind, shelf);
    return shelf;
  }

  #makeRoom(bytes: number): void {
    for (const entry of this.#entries) {
      if (this.#bytes + bytes <= this.#maxBytes) return;
      if (entry.isWanted) this.#putBack(entry);
      else this.#drop(entry);
    }
  }

  #putBack(entry: Entry): void {
    entry.isWanted = false;
    this.#entries.delete(entry);
    this.#entries.add(entry);
  }

  #outdate(entry: Entry, topic: Topic): void {
    const name = nameOf(topic);
    entry.isOutgrown = entry.grownBy?.some((on) => nameOf(on) === name) === true;
    if (entry.isOutgrown) this.#values.delete(entry.value);
    else this.#drop(entry);
  }

  #drop(entry: Entry): void {
    this.#bytes -= entry.size;
    this.#entries.delete(entry);
    entry.shelf.delete(entry.key);
    this.#values.delete(entry.value);
    for (const topic of awaited(entry)) this.#waiting.delete(topic, entry);
  }
}

/** All that is waited for. */
function awaited({ until, grownBy = [] }: Known<unknown>): readonly Topic[] {
  return [...until, ...grownBy];
}

function isThere<Value>(known: Known<Value>): known is Known<Value & object> {
  return known.value !== undefined;
}
