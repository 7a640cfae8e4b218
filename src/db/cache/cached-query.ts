/** What is worth keeping in memory: what each kind of it is called, how it is read, what ends it. */

import type { Snapshot } from '../query/query.ts';
import type { CommittedEvent } from '../unit-of-work.ts';
import type { Tag } from './tags.ts';

export { dependsOn } from './tags.ts';

/** A number is found sooner than a text. */
export type Key = number | string;

/** Things of one kind that are worth keeping: what each is called, and how it grows. */
export interface Cacheable<Input, Value> {
  key(input: Input): Key;
  /** What a value is after events that it is `updatedBy`; undefined if it is to be read anew. */
  applyEvents?(value: Value & object, events: readonly CommittedEvent[]): Sized<Value> | undefined;
}

/** Such things, each asked for by itself. */
export interface CachedQuery<Input, Value> extends Cacheable<Input, Value> {
  read(snapshot: Snapshot, input: Input): Promise<CacheEntry<Value>>;
}

/** Such things, of which several are asked for at once and read by one statement. */
export interface CachedBatchQuery<Input, Value> extends Cacheable<Input, Value> {
  /** Reads all of these, in their order. */
  readMany(snapshot: Snapshot, inputs: readonly Input[]): Promise<CacheEntry<Value>[]>;
}

export interface Sized<Value> {
  readonly value: Value;
  /** What it takes in memory, about, in bytes. */
  readonly bytes: number;
}

/** The database as who asks for the same things again and again knows it. */
export interface QueryCache {
  /** What a thing of this kind is, from memory if it is kept there; else by a read. */
  cached<Input, Value extends object | undefined>(
    kind: CachedQuery<Input, Value>,
    input: Input,
  ): Value | Promise<Value>;
  /** The same for several things at once, in their order. */
  cachedMany<Input, Value extends object | undefined>(
    kind: CachedBatchQuery<Input, Value>,
    inputs: readonly Input[],
  ): readonly Value[] | Promise<readonly Value[]>;
  /** Whether what `cached` returned is kept still, so that what was made of it is still right. */
  isCurrent(value: object): boolean;
  /** Counts the changes. What was right is right still while it stays as it was. */
  readonly changes: number;
}

/** What is known of a thing, and which events end that. */
export interface CacheEntry<Value> extends Sized<Value> {
  /** Undefined is not kept: anybody could fill the memory by asking for what is not there. */
  readonly value: Value;
  /** See `about`. */
  readonly invalidatedBy: readonly Tag[];
  /** What it becomes by these, the kind knows without reading it anew. */
  readonly updatedBy?: readonly Tag[];
}

/** What is known of what is not there. */
export const notFound = { value: undefined, invalidatedBy: [], bytes: 0 } as const;

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
