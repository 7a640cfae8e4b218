import type { CommittedEvent } from '../unit-of-work.ts';
import type { Cacheable, CacheEntry, Key, Sized } from './cached-query.ts';
import { isSameTag, type Tag, TagIndex } from './tags.ts';

/** Overhead of an entry and of each of its tags, in bytes. */
const entryBytes = 300;
const tagBytes = 100;

/** An entry that nobody has read for this many updates is removed: an update of a page takes 60 µs. */
const unreadLimit = 4;

/** Fields that a look-up needs come first: most of its time goes to fetching them from memory. */
interface StoredEntry extends Pick<CacheEntry<object>, 'invalidatedBy' | 'updatedBy'> {
  value: object;
  /** The number of updates since it was last read. */
  unread: number;
  /** Whether the entry was read since CLOCK last passed it. */
  wasUsed: boolean;
  /** The map of all entries of the same query, by key. */
  readonly bucket: Map<Key, StoredEntry>;
  readonly key: Key;
  readonly applyEvent: Cacheable<never, object>['applyEvent'];
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
    entry.unread = 0;
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
      unread: 0,
      wasUsed: false,
      bucket: this.#bucketOf(query),
      applyEvent: query.applyEvent as StoredEntry['applyEvent'],
      ...{ key, invalidatedBy, updatedBy, size },
    };
    this.#evictUntil(size);
    this.#bytes += size;
    this.#entries.add(entry);
    entry.bucket.set(key, entry);
    this.#values.add(entry.value);
    for (const tag of tags) this.#byTag.add(tag, entry);
  }

  /** Updates the entries that depend on a tag, or removes those that cannot apply the event. */
  invalidate(tag: Tag, event: CommittedEvent): void {
    for (const entry of this.#byTag.for(tag)) {
      const canApply = entry.updatedBy?.some((other) => isSameTag(other, tag)) === true;
      const isRead = entry.unread < unreadLimit;
      const updated =
        canApply && isRead ? entry.applyEvent?.(entry.value as never, event) : undefined;
      if (updated === undefined) this.#remove(entry);
      else this.#update(entry, updated);
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

  #update(entry: StoredEntry, updated: Sized<object>): void {
    const size = sizeOf(updated, tagsOfEntry(entry));
    this.#bytes += size - entry.size;
    entry.size = size;
    entry.unread += 1;
    this.#values.delete(entry.value);
    entry.value = updated.value;
    this.#values.add(entry.value);
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
