/** The types of cached queries: the key of a value, how it is read, and what invalidates it. */

import type { Snapshot } from '../query/query.ts';
import type { CommittedEvent } from '../unit-of-work.ts';
import type { Change } from './change-log.ts';
import type { Tag } from './tags.ts';

export type { Change } from './change-log.ts';
export { dependsOn } from './tags.ts';

/** A number is looked up faster than a string. */
export type Key = number | string;

/** The part of a cached query that the cache itself needs: keys, and how an event updates a value. */
export interface Cacheable<Input, Value> {
  key(input: Input): Key;
  /** The value after an event with a tag of its `updatedBy`; undefined if it must be read again. */
  applyEvent?(value: Value & object, event: CommittedEvent): Sized<Value> | undefined;
}

/** A cached query that reads one value at a time. */
export interface CachedQuery<Input, Value> extends Cacheable<Input, Value> {
  read(snapshot: Snapshot, input: Input): Promise<CacheEntry<Value>>;
}

/** A cached query that reads several values with one statement. */
export interface CachedBatchQuery<Input, Value> extends Cacheable<Input, Value> {
  /** Returns the entries in the order of `inputs`. */
  readMany(snapshot: Snapshot, inputs: readonly Input[]): Promise<CacheEntry<Value>[]>;
}

export interface Sized<Value> {
  readonly value: Value;
  /** Approximate memory use, in bytes. */
  readonly bytes: number;
}

/** The store, as callers that repeat the same queries see it. */
export interface QueryCache {
  /** The cached value; if there is none, reads it and caches it. */
  cached<Input, Value extends object | undefined>(
    kind: CachedQuery<Input, Value>,
    input: Input,
  ): Value | Promise<Value>;
  /** The same for several inputs; the values are in the order of `inputs`. */
  cachedMany<Input, Value extends object | undefined>(
    kind: CachedBatchQuery<Input, Value>,
    inputs: readonly Input[],
  ): readonly Value[] | Promise<readonly Value[]>;
  /**
   * Whether an object returned by `cached` is still cached, so that what was derived from it is
   * still valid.
   */
  isCurrent(value: object): boolean;
  /**
   * Counts changes of the cache. While it stays the same, everything derived from cached values is
   * valid.
   */
  readonly changes: number;
  /** The changes after the first `count`; undefined if they are no longer remembered. */
  changesSince(count: number): readonly Change[] | undefined;
}

/** A value with the tags of the events that invalidate or update it. */
export interface CacheEntry<Value> extends Sized<Value> {
  /** Undefined is never cached: anybody could fill the memory by asking for what does not exist. */
  readonly value: Value;
  /** An event with one of these tags removes the entry. See `dependsOn`. */
  readonly invalidatedBy: readonly Tag[];
  /** An event with one of these tags is applied with `applyEvent`, without a new read. */
  readonly updatedBy?: readonly Tag[];
}

/** The entry of a value that does not exist. */
export const notFound = { value: undefined, invalidatedBy: [], bytes: 0 } as const;

/** Calls `next` with a value: now if it is there, so that a cached answer costs no promises. */
export function whenReady<Value, Result>(
  value: Value | Promise<Value>,
  next: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(next) : next(value);
}
