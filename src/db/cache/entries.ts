import type { CommittedEvent } from '../unit-of-work.ts';
import type { Cacheable, CacheEntry, Key, Sized } from './cached-query.ts';
import { isSameTag, type Tag, TagIndex } from './tags.ts';

/** Overhead of an entry, of each of its tags and of each pending event, in bytes. */
const entryBytes = 300;
const tagBytes = 100;
const eventBytes = 400;

/** An entry that nobody has read for this many events is removed instead of updated. */
const pendingLimit = 50;

/** Fields that a look-up needs come first: most of its time goes to fetching them from memory. */
interface StoredEntry extends Pick<CacheEntry<object>, 'invalidatedBy' | 'updatedBy'> {
  value: object;
  /** Events since the last read, applied before the value is returned again. */
  pendingEvents: CommittedEvent[] | undefined;
  /** Whether the entry was read since CLOCK last passed it. */
  wasUsed: boolean;
  /** The map of all entries of the same query, by key. */
  readonly bucket: Map<Key, StoredEntry>;
  readonly key: Key;
  readonly applyEvents: Cacheable<never, object>['applyEvents'];
  size: number;
}

/**
 * Cached values, bounded in bytes. The entry that was added longest ago is evicted first, unless it
 * was read since. This is the CLOCK algorithm: setting a flag is cheaper than maintaining a list in
 * order of use, and nearly all calls here are look-ups.
 */
export class CacheEntries {
  readonly #maxBytes: number;
  #bytes = 0;
  readonly #buckets = new Map<object, Map<Key, StoredEntry>>();
  /** In the order in which CLOCK visits them. */
  readonly #entries = new Set<StoredEntry>();
  readonly #byTag = new TagIndex<StoredEntry>();
  readonly #values = new Set<object>();

  /** @param maxBytes 0 turns the cache off. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether this very object is cached. */
  isCurrent(value: object): boolean {
    return this.#values.has(value);
  }

  /** The cached value for a key, or undefined. */
  get<Value>(query: Cacheable<never, Value>, key: Key): Value | undefined {
    const entry = this.#buckets.get(query)?.get(key);
    if (entry === undefined) return undefined;
    if (entry.pendingEvents !== undefined && !this.#applyEvents(entry)) return undefined;
    entry.wasUsed = true;
    return entry.value as Value;
  }

  /** Caches a value, unless it is larger than the whole cache. */
  set(query: Cacheable<never, unknown>, key: Key, cacheEntry: CacheEntry<object>): void {
    this.evict(query, key);
    const { value, invalidatedBy, updatedBy = [] } = cacheEntry;
    const tags = tagsOfEntry(cacheEntry);
    const size = sizeOf(cacheEntry, tags);
    if (size > this.#maxBytes) return;
    const entry: StoredEntry = {
      value,
      pendingEvents: undefined,
      wasUsed: false,
      bucket: this.#bucketOf(query),
      applyEvents: query.applyEvents as StoredEntry['applyEvents'],
      ...{ key, invalidatedBy, updatedBy, size },
    };
    this.#evictUntil(size);
    this.#bytes += size;
    this.#entries.add(entry);
    entry.bucket.set(key, entry);
    this.#values.add(entry.value);
    for (const tag of tags) this.#byTag.add(tag, entry);
  }

  /**
   * Removes the entries that depend on a tag, or queues the event for those that can apply it.
   * Queued events are applied together at the next read.
   */
  invalidate(tag: Tag, event: CommittedEvent): void {
    for (const entry of this.#byTag.for(tag)) {
      const canApply = entry.updatedBy?.some((other) => isSameTag(other, tag)) === true;
      if (canApply && (entry.pendingEvents?.length ?? 0) < pendingLimit)
        this.#addEvent(entry, event);
      else this.#remove(entry);
    }
    this.#evictUntil(0);
  }

  /** Removes one entry; returns whether it existed. */
  evict(query: Cacheable<never, unknown>, key: Key): boolean {
    const entry = this.#buckets.get(query)?.get(key);
    if (entry !== undefined) this.#remove(entry);
    return entry !== undefined;
  }

  clear(): void {
    for (const entry of this.#entries) this.#remove(entry);
  }

  #bucketOf(query: object): Map<Key, StoredEntry> {
    const bucket = this.#buckets.get(query) ?? new Map<Key, StoredEntry>();
    this.#buckets.set(query, bucket);
    return bucket;
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

  /** Applies the queued events. Removes the entry and returns false if that is not possible. */
  #applyEvents(entry: StoredEntry): boolean {
    const { pendingEvents = [] } = entry;
    const updated = entry.applyEvents?.(entry.value as never, pendingEvents);
    if (updated === undefined) {
      this.#remove(entry);
      return false;
    }
    this.#resize(entry, sizeOf(updated, tagsOfEntry(entry)));
    entry.value = updated.value;
    entry.pendingEvents = undefined;
    this.#values.add(entry.value);
    return true;
  }

  #remove(entry: StoredEntry): void {
    this.#bytes -= entry.size;
    this.#entries.delete(entry);
    entry.bucket.delete(entry.key);
    this.#values.delete(entry.value);
    for (const tag of tagsOfEntry(entry)) this.#byTag.delete(tag, entry);
  }
}

function sizeOf({ bytes }: Sized<unknown>, tags: readonly Tag[]): number {
  return bytes + entryBytes + tags.length * tagBytes;
}

/** All tags that an entry depends on. */
export function tagsOfEntry({
  invalidatedBy,
  updatedBy = [],
}: Pick<CacheEntry<unknown>, 'invalidatedBy' | 'updatedBy'>): readonly Tag[] {
  return [...invalidatedBy, ...updatedBy];
}
