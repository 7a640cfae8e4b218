/**
 * A bounded map; beyond its limit it drops the value that was used least recently. A Map keeps the
 * order and needs no memory before it is used: lru-cache allocates all of its slots at once, which
 * took a thirtieth of the start.
 */
export class LruMap<Value> {
  readonly #values = new Map<string, Value>();
  /** One iterator for good: a new one would step over the gaps that deleted entries have left. */
  readonly #oldest = this.#values.keys();
  readonly #limit: number;

  /** @param limit the most entries. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  get(key: string): Value | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) this.#putLast(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#putLast(key, value);
    if (this.#values.size > this.#limit) this.delete(this.#oldest.next().value ?? '');
  }

  delete(key: string): void {
    this.#values.delete(key);
  }

  #putLast(key: string, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
  }
}
