/**
 * Shares out the turns of the event loop: each turn starts at most one task per key, in order of
 * arrival. However many tasks wait for one key, others are served in between, and waiting tasks
 * make no turn more expensive.
 */
export class Turns<Key> {
  /** Waiting tasks by key. A key whose task started in this turn has an entry, even if empty. */
  readonly #waiting = new Map<Key, (() => void)[]>();

  /** Calls `start` now, or in the key's next free turn. */
  take(key: Key, start: () => void): void {
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      waiting.push(start);
      return;
    }
    if (this.#waiting.size === 0) setImmediate(() => this.#next());
    this.#waiting.set(key, []);
    start();
  }

  #next(): void {
    const due = [...this.#waiting];
    const starts: (() => void)[] = [];
    for (const [key, waiting] of due) {
      const start = waiting.shift();
      if (start === undefined) this.#waiting.delete(key);
      else starts.push(start);
    }
    if (this.#waiting.size > 0) setImmediate(() => this.#next());
    for (const start of starts) start();
  }
}
