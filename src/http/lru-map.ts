/**
 * Remembers values by their keys, within bounds: of more than that, the one is forgotten that has
 * not been asked for longest. A Map keeps them in order, and takes no room before it is used:
 * lru-cache makes all of its places at once, which took a thirtieth of a start.
 */
export class LruMap<Value> {
  readonly #values = new Map<string, Value>();
  /** One for good: a new one would look through the gaps that others have left. */
  readonly #oldest = this.#values.keys();
  readonly #limit: number;

  /** @param limit so many are remembered. */
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
