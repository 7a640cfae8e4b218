/**
 * Shares out the turns of the event loop: in each of them one piece of work of a key starts, in the
 * order in which they came. However much waits for one key, others are served in between, and a turn
 * costs no more for what waits.
 */
export class Turns<Key> {
  /** What waits, by key. A key whose work started in this turn is here, even if nothing waits. */
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
