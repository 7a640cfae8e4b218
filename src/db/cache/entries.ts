import type { Told } from '../unit-of-work.ts';
import type { Keepable, Key, Known, Sized } from './cached-query.ts';
import { isSame, type Topic, Waiting } from './tags.ts';

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
 * Values, each kept until an event says that it has changed. They are bounded in bytes: what was kept
 * longest goes first, unless it was asked for since (CLOCK: a flag is cheaper to keep than a list in
 * the order of use, and look-ups are nearly all that is done here).
 */
export class Entries {
  readonly #maxBytes: number;
  #bytes = 0;
  readonly #shelves = new Map<object, Map<Key, Entry>>();
  /** In the order in which it is their turn to go. */
  readonly #entries = new Set<Entry>();
  readonly #waiting = new Waiting<Entry>();
  readonly #values = new Set<object>();

  /** @param maxBytes 0 keeps nothing. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether this very value is kept. */
  holds(value: object): boolean {
    return this.#values.has(value);
  }

  /** What is kept of a thing, or undefined. */
  find<Value>(kind: Keepable<never, Value>, key: Key): Value | undefined {
    const entry = this.#shelves.get(kind)?.get(key);
    if (entry === undefined) return undefined;
    if (entry.news !== undefined && !this.#grow(entry)) return undefined;
    entry.isWanted = true;
    return entry.value as Value;
  }

  /** Keeps a thing, if there can be room for it. */
  keep(kind: Keepable<never, unknown>, key: Key, known: Known<object>): void {
    this.drop(kind, key);
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

  /** Drops or has grow what waits for this; it grows when it is asked for, many events at once. */
  outdate(topic: Topic, event: Told): void {
    for (const entry of this.#waiting.for(topic)) {
      const grows = entry.grownBy?.some((on) => isSame(on, topic)) === true;
      if (grows && (entry.news?.length ?? 0) < newsLimit) this.#note(entry, event);
      else this.#drop(entry);
    }
    this.#makeRoom(0);
  }

  /** Drops one thing; says whether it was there. */
  drop(kind: Keepable<never, unknown>, key: Key): boolean {
    const entry = this.#shelves.get(kind)?.get(key);
    if (entry !== undefined) this.#drop(entry);
    return entry !== undefined;
  }

  dropAll(): void {
    for (const entry of this.#entries) this.#drop(entry);
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

function sizeOf({ bytes }: Sized<unknown>, topics: readonly Topic[]): number {
  return bytes + entryBytes + topics.length * topicBytes;
}

/** All that is waited for. */
export function awaited({
  until,
  grownBy = [],
}: Pick<Known<unknown>, 'until' | 'grownBy'>): readonly Topic[] {
  return [...until, ...grownBy];
}
