import type { CommittedEvent } from '../unit-of-work.ts';
import type { Cacheable, CacheEntry, Key, Sized } from './cached-query.ts';
import { isSameTag, type Tag, TagIndex } from './tags.ts';

/** What an entry takes beside its value, for each event that it waits for or is to grow by, in bytes. */
const entryBytes = 300;
const tagBytes = 100;
const eventBytes = 400;

/** What nobody asks for while so much happens is read anew when it is. */
const pendingLimit = 50;

/** What a look-up asks of it comes first: nearly all that it takes is fetching that from memory. */
interface StoredEntry extends Pick<CacheEntry<object>, 'invalidatedBy' | 'updatedBy'> {
  value: object;
  /** What has happened since, by which it is to grow before it is shown again. */
  pendingEvents: CommittedEvent[] | undefined;
  /** Whether it was asked for since it was last its turn to go. */
  wasUsed: boolean;
  /** Where it is kept: all of its kind, and its key among them. */
  readonly bucket: Map<Key, StoredEntry>;
  readonly key: Key;
  readonly applyEvents: Cacheable<never, object>['applyEvents'];
  size: number;
}

/**
 * Values, each kept until an event says that it has changed. They are bounded in bytes: what was kept
 * longest goes first, unless it was asked for since (CLOCK: a flag is cheaper to keep than a list in
 * the order of use, and look-ups are nearly all that is done here).
 */
export class CacheEntries {
  readonly #maxBytes: number;
  #bytes = 0;
  readonly #buckets = new Map<object, Map<Key, StoredEntry>>();
  /** In the order in which it is their turn to go. */
  readonly #entries = new Set<StoredEntry>();
  readonly #byTag = new TagIndex<StoredEntry>();
  readonly #values = new Set<object>();

  /** @param maxBytes 0 keeps nothing. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether this very value is kept. */
  isCurrent(value: object): boolean {
    return this.#values.has(value);
  }

  /** What is kept of a thing, or undefined. */
  get<Value>(kind: Cacheable<never, Value>, key: Key): Value | undefined {
    const entry = this.#buckets.get(kind)?.get(key);
    if (entry === undefined) return undefined;
    if (entry.pendingEvents !== undefined && !this.#applyEvents(entry)) return undefined;
    entry.wasUsed = true;
    return entry.value as Value;
  }

  /** Keeps a thing, if there can be room for it. */
  set(kind: Cacheable<never, unknown>, key: Key, known: CacheEntry<object>): void {
    this.evict(kind, key);
    const { value, invalidatedBy, updatedBy = [] } = known;
    const topics = tagsOfEntry(known);
    const size = sizeOf(known, topics);
    if (size > this.#maxBytes) return;
    const entry: StoredEntry = {
      value,
      pendingEvents: undefined,
      wasUsed: false,
      bucket: this.#bucketOf(kind),
      applyEvents: kind.applyEvents as StoredEntry['applyEvents'],
      ...{ key, invalidatedBy, updatedBy, size },
    };
    this.#evictUntil(size);
    this.#bytes += size;
    this.#entries.add(entry);
    entry.bucket.set(key, entry);
    this.#values.add(entry.value);
    for (const topic of topics) this.#byTag.add(topic, entry);
  }

  /** Drops or has grow what waits for this; it grows when it is asked for, many events at once. */
  invalidate(topic: Tag, event: CommittedEvent): void {
    for (const entry of this.#byTag.for(topic)) {
      const grows = entry.updatedBy?.some((on) => isSameTag(on, topic)) === true;
      if (grows && (entry.pendingEvents?.length ?? 0) < pendingLimit) this.#addEvent(entry, event);
      else this.#remove(entry);
    }
    this.#evictUntil(0);
  }

  /** Drops one thing; says whether it was there. */
  evict(kind: Cacheable<never, unknown>, key: Key): boolean {
    const entry = this.#buckets.get(kind)?.get(key);
    if (entry !== undefined) this.#remove(entry);
    return entry !== undefined;
  }

  clear(): void {
    for (const entry of this.#entries) this.#remove(entry);
  }

  #bucketOf(kind: object): Map<Key, StoredEntry> {
    const shelf = this.#buckets.get(kind) ?? new Map<Key, StoredEntry>();
    this.#buckets.set(kind, shelf);
    return shelf;
  }

  #evictUntil(bytes: number): void {
    for (const entry of this.#entries) {
      if (this.#bytes + bytes <= this.#maxBytes) return;
      if (entry.wasUsed) this.#requeue(entry);
      else this.#remove(entry);
    }
  }

  #requeue(entry: StoredEntry): void {
    entry.wasUsed = false;
    this.#entries.delete(entry);
    this.#entries.add(entry);
  }

  #addEvent(entry: StoredEntry, event: CommittedEvent): void {
    entry.pendingEvents ??= [];
    entry.pendingEvents.push(event);
    this.#values.delete(entry.value);
    this.#resize(entry, entry.size + eventBytes + 2 * (event.payload?.message.content.length ?? 0));
  }

  #resize(entry: StoredEntry, size: number): void {
    this.#bytes += size - entry.size;
    entry.size = size;
  }

  /** Whether that was possible; else it is gone. */
  #applyEvents(entry: StoredEntry): boolean {
    const { pendingEvents = [] } = entry;
    const grown = entry.applyEvents?.(entry.value as never, pendingEvents);
    if (grown === undefined) {
      this.#remove(entry);
      return false;
    }
    this.#resize(entry, sizeOf(grown, tagsOfEntry(entry)));
    entry.value = grown.value;
    entry.pendingEvents = undefined;
    this.#values.add(entry.value);
    return true;
  }

  #remove(entry: StoredEntry): void {
    this.#bytes -= entry.size;
    this.#entries.delete(entry);
    entry.bucket.delete(entry.key);
    this.#values.delete(entry.value);
    for (const topic of tagsOfEntry(entry)) this.#byTag.delete(topic, entry);
  }
}

function sizeOf({ bytes }: Sized<unknown>, topics: readonly Tag[]): number {
  return bytes + entryBytes + topics.length * tagBytes;
}

/** All that is waited for. */
export function tagsOfEntry({
  invalidatedBy,
  updatedBy = [],
}: Pick<CacheEntry<unknown>, 'invalidatedBy' | 'updatedBy'>): readonly Tag[] {
  return [...invalidatedBy, ...updatedBy];
}
