import type { Told } from './commit.ts';
import type { Snapshot } from './query.ts';
import { isSame, nameOf, type Topic, topicsOf, Waiting } from './topics.ts';

export { about } from './topics.ts';

/** A number is found sooner than a text. */
type Key = number | string;

/** Things of one kind that are worth keeping: what each is called, and how it grows. */
interface Keepable<Input, Value> {
  key(input: Input): Key;
  /** What a value is after events that it is `grownBy`; undefined if it is to be read anew. */
  grow?(value: Value & object, events: readonly Told[]): Sized<Value> | undefined;
}

/** Such things, each asked for by itself. */
export interface Kind<Input, Value> extends Keepable<Input, Value> {
  read(snapshot: Snapshot, input: Input): Promise<Known<Value>>;
}

/** Such things, of which several are asked for at once and read by one statement. */
export interface KindOfMany<Input, Value> extends Keepable<Input, Value> {
  /** Reads all of these, in their order. */
  readAll(snapshot: Snapshot, inputs: readonly Input[]): Promise<Known<Value>[]>;
}

interface Sized<Value> {
  readonly value: Value;
  /** What it takes in memory, about, in bytes. */
  readonly bytes: number;
}

/** The database as who asks for the same things again and again knows it. */
export interface Memory {
  /** What a thing of this kind is, from memory if it is kept there; else by a read. */
  recall<Input, Value extends object | undefined>(
    kind: Kind<Input, Value>,
    input: Input,
  ): Value | Promise<Value>;
  /** The same for several things at once, in their order. */
  recallAll<Input, Value extends object | undefined>(
    kind: KindOfMany<Input, Value>,
    inputs: readonly Input[],
  ): readonly Value[] | Promise<readonly Value[]>;
  /** Whether what `recall` gave is kept still, so that what was made of it is still right. */
  holds(value: object): boolean;
  /** Counts the changes. What was right is right still while it stays as it was. */
  readonly changes: number;
}

/** What is known of a thing, and which events end that. */
export interface Known<Value> extends Sized<Value> {
  /** Undefined is not kept: anybody could fill the memory by asking for what is not there. */
  readonly value: Value;
  /** See `about`. */
  readonly until: readonly Topic[];
  /** What it becomes by these, the kind knows without reading it anew. */
  readonly grownBy?: readonly Topic[];
}

/** What is known of what is not there. */
export const nothing = { value: undefined, until: [], bytes: 0 } as const;

/** What an entry takes beside its value, for each event that it waits for or is to grow by, in bytes. */
const entryBytes = 300;
const topicBytes = 100;
const newsBytes = 400;

/** What nobody asks for while so much happens is read anew when it is. */
const newsLimit = 50;

/** What a look-up asks of it comes first: nearly all that it takes is fetching that from memory. */
interface Entry extends Pick<Known<object>, 'until' | 'grownBy'> {
  value: object;
  /** What has happened since, by which it is to grow before it is shown again. */
  news: Told[] | undefined;
  /** Whether it was asked for since it was last its turn to go. */
  isWanted: boolean;
  /** Where it is kept: all of its kind, and its key among them. */
  readonly shelf: Map<Key, Entry>;
  readonly key: Key;
  readonly grow: Keepable<never, object>['grow'];
  size: number;
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
  #changes = 0;
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

  get changes(): number {
    return this.#changes;
  }

  /** What is kept of a thing, or undefined. */
  find<Value>(kind: Keepable<never, Value>, key: Key): Value | undefined {
    const entry = this.#shelves.get(kind)?.get(key);
    if (entry === undefined) return undefined;
    if (entry.news !== undefined && !this.#grow(entry)) return undefined;
    entry.isWanted = true;
    return entry.value as Value;
  }

  /** Reads a thing and keeps it, unless it has changed meanwhile. */
  async load<Value extends object | undefined>(
    kind: Keepable<never, Value>,
    key: Key,
    read: () => Promise<Known<Value>>,
  ): Promise<Value> {
    const [value] = await this.loadAll(kind, [key], async () => [await read()]);
    return value as Value;
  }

  /** Reads several things, and keeps each that has not changed meanwhile. */
  async loadAll<Value extends object | undefined>(
    kind: Keepable<never, Value>,
    keys: readonly Key[],
    read: () => Promise<Known<Value>[]>,
  ): Promise<Value[]> {
    this.#loading += 1;
    try {
      const found = await read();
      found.forEach((known, index) => {
        if (isThere(known) && !this.#hasChanged(known)) this.#keep(kind, keys[index] as Key, known);
      });
      return found.map(({ value }) => value);
    } finally {
      this.#loading -= 1;
      if (this.#loading === 0) this.#beginAnew();
    }
  }

  /** Drops what is no longer so. */
  take(events: readonly Told[]): void {
    if (this.#maxBytes === 0) return;
    this.#changes += events.length;
    for (const event of events) {
      for (const topic of topicsOf(event)) {
        if (this.#loading > 0) this.#changed.add(nameOf(topic));
        for (const entry of this.#waiting.for(topic)) this.#outdate(entry, topic, event);
      }
    }
    this.#makeRoom(0);
  }

  /** Drops one thing. */
  forget(kind: Keepable<never, unknown>, key: Key): void {
    const entry = this.#shelves.get(kind)?.get(key);
    if (entry === undefined) return;
    this.#changes += 1;
    this.#drop(entry);
  }

  /** Drops everything: something has changed of which no event tells. */
  clear(): void {
    this.#changes += 1;
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

  #keep(kind: Keepable<never, unknown>, key: Key, known: Known<object>): void {
    this.forget(kind, key);
    const { value, until, grownBy = [] } = known;
    const topics = awaited(known);
    const size = sizeOf(known, topics);
    if (size > this.#maxBytes) return;
    const entry: Entry = {
      value,
      news: undefined,
      isWanted: false,
      shelf: this.#shelfOf(kind),
      grow: kind.grow as Entry['grow'],
      ...{ key, until, grownBy, size },
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

  /** It grows when it is asked for: many events at once cost little more than one. */
  #outdate(entry: Entry, topic: Topic, event: Told): void {
    const grows = entry.grownBy?.some((on) => isSame(on, topic)) === true;
    if (grows && (entry.news?.length ?? 0) < newsLimit) this.#note(entry, event);
    else this.#drop(entry);
  }

  #note(entry: Entry, event: Told): void {
    entry.news ??= [];
    entry.news.push(event);
    this.#values.delete(entry.value);
    this.#resize(entry, entry.size + newsBytes + 2 * (event.news?.message.content.length ?? 0));
  }

  #resize(entry: Entry, size: number): void {
    this.#bytes += size - entry.size;
    entry.size = size;
  }

  /** Whether that was possible; else it is gone. */
  #grow(entry: Entry): boolean {
    const { news = [] } = entry;
    const grown = entry.grow?.(entry.value as never, news);
    if (grown === undefined) {
      this.#drop(entry);
      return false;
    }
    this.#resize(entry, sizeOf(grown, awaited(entry)));
    entry.value = grown.value;
    entry.news = undefined;
    this.#values.add(entry.value);
    return true;
  }

  #drop(entry: Entry): void {
    this.#bytes -= entry.size;
    this.#entries.delete(entry);
    entry.shelf.delete(entry.key);
    this.#values.delete(entry.value);
    for (const topic of awaited(entry)) this.#waiting.delete(topic, entry);
  }
}

/** Puts bytes together in memory of their own: of Node's pool, they would hold their neighbours too. */
export function joinBytes(...parts: readonly (string | Buffer)[]): Buffer {
  const lengths = parts.map((part) => Buffer.byteLength(part));
  const bytes = Buffer.allocUnsafeSlow(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    at += typeof part === 'string' ? bytes.write(part, at) : part.copy(bytes, at);
  }
  return bytes;
}

function sizeOf({ bytes }: Sized<unknown>, topics: readonly Topic[]): number {
  return bytes + entryBytes + topics.length * topicBytes;
}

/** All that is waited for. */
function awaited({
  until,
  grownBy = [],
}: Pick<Known<unknown>, 'until' | 'grownBy'>): readonly Topic[] {
  return [...until, ...grownBy];
}

function isThere<Value>(known: Known<Value>): known is Known<Value & object> {
  return known.value !== undefined;
}
