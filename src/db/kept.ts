import { LRUCache } from 'lru-cache';
import type { EventRow } from './commit.ts';
import type { Snapshot } from './query.ts';

/** Things of one kind that are worth keeping: what each is called, and how it is read. */
export interface Kind<Input, Value> {
  key(input: Input): string;
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
  readonly until: readonly string[];
  /** After these it is not all, but what it says is still right: the next read may start from it. */
  readonly grownBy?: readonly string[];
  /** What the value takes in memory, about, in bytes. */
  readonly bytes: number;
}

/** What is known of what is not there. */
export const nothing = { value: undefined, until: [], bytes: 0 } as const;

/** What an entry takes beside its value, and for each event that it waits for, in bytes. */
const entryBytes = 300;
const tagBytes = 100;

type Subject = 'chatId' | 'userId' | 'sessionId';

/** The events of some types that are about one chat, one user or one session. */
export function about(types: readonly EventRow['type'][], of: { [S in Subject]?: number }) {
  return Object.entries(of).flatMap(([subject, id]) =>
    types.map((type) => tag(type, subject as Subject, id)),
  );
}

function tag(type: EventRow['type'], subject: Subject, id: number): string {
  return `${type} ${subject} ${id}`;
}

interface Entry extends Known<object> {
  isOutgrown: boolean;
}

/**
 * What was read lately, kept in memory until an event says that it has changed. It is bounded in
 * bytes: what was not asked for longest goes first. The events are told after their commit and
 * before anybody's write is acknowledged, so nobody is shown what was before their own write.
 */
export class Kept {
  readonly #entries: LRUCache<string, Entry> | undefined;
  readonly #byTag = new Map<string, Set<string>>();
  readonly #values = new WeakSet<object>();
  #loading = 0;
  /** What has changed while something was being read: that read may not have seen it. */
  readonly #changed = new Set<string>();
  #isAllChanged = false;

  /** @param maxBytes 0 keeps nothing. */
  constructor(maxBytes: number) {
    if (maxBytes === 0) return;
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: (known) => known.bytes + entryBytes + tagsOf(known).length * tagBytes,
      dispose: (known, key) => this.#unlink(known, key),
    });
  }

  /** Whether this very value is kept. */
  holds(value: object): boolean {
    return this.#values.has(value);
  }

  /** What is kept under a key, or undefined. */
  find<Value>(key: string): Value | undefined {
    const entry = this.#entries?.get(key);
    return entry?.isOutgrown === false ? (entry.value as Value) : undefined;
  }

  /** What was kept under a key and is to be added to, or undefined. */
  findOutgrown<Value>(key: string): Value | undefined {
    const entry = this.#entries?.peek(key);
    return entry?.isOutgrown === true ? (entry.value as Value) : undefined;
  }

  /** Reads something and keeps it, unless it has changed meanwhile. */
  async load<Value extends object | undefined>(
    key: string,
    read: () => Promise<Known<Value>>,
  ): Promise<Value> {
    this.#loading += 1;
    try {
      const known = await read();
      const isSo = !this.#isAllChanged && !tagsOf(known).some((tag) => this.#changed.has(tag));
      if (isSo && isThere(known)) this.#keep(key, known);
      return known.value;
    } finally {
      this.#loading -= 1;
      if (this.#loading === 0) this.#beginAnew();
    }
  }

  /** Drops what is no longer so. */
  take(events: readonly EventRow[]): void {
    if (this.#entries === undefined) return;
    for (const { type, chatId, userId, sessionId } of events) {
      if (chatId !== null) this.#drop(tag(type, 'chatId', chatId));
      if (userId !== null) this.#drop(tag(type, 'userId', userId));
      if (sessionId !== null) this.#drop(tag(type, 'sessionId', sessionId));
    }
  }

  /** Drops one thing. */
  forget(key: string): void {
    this.#entries?.delete(key);
  }

  /** Drops everything: something has changed of which no event tells. */
  clear(): void {
    this.#isAllChanged = this.#loading > 0;
    this.#entries?.clear();
  }

  #beginAnew(): void {
    this.#changed.clear();
    this.#isAllChanged = false;
  }

  #keep(key: string, known: Known<object>): void {
    if (this.#entries === undefined) return;
    this.#entries.set(key, { ...known, isOutgrown: false });
    // One that is too large for the memory is not taken.
    if (!this.#entries.has(key)) return;
    this.#values.add(known.value);
    for (const tag of tagsOf(known)) {
      const keys = this.#byTag.get(tag);
      if (keys === undefined) this.#byTag.set(tag, new Set([key]));
      else keys.add(key);
    }
  }

  #unlink(known: Known<object>, key: string): void {
    this.#values.delete(known.value);
    for (const tag of tagsOf(known)) {
      const keys = this.#byTag.get(tag);
      keys?.delete(key);
      if (keys?.size === 0) this.#byTag.delete(tag);
    }
  }

  #drop(tag: string): void {
    if (this.#loading > 0) this.#changed.add(tag);
    for (const key of [...(this.#byTag.get(tag) ?? [])]) this.#outdate(key, tag);
  }

  #outdate(key: string, tag: string): void {
    const entry = this.#entries?.peek(key);
    if (entry?.grownBy?.includes(tag) !== true) return void this.#entries?.delete(key);
    entry.isOutgrown = true;
    this.#values.delete(entry.value);
  }
}

function tagsOf({ until, grownBy = [] }: Known<unknown>): readonly string[] {
  return [...until, ...grownBy];
}

function isThere<Value>(known: Known<Value>): known is Known<Value & object> {
  return known.value !== undefined;
}
