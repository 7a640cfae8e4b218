import type { EventRow } from '../unit-of-work.ts';

/** The chat and the user that a change is about, if any. */
export type Change = Partial<Pick<EventRow, 'chatId' | 'userId'>>;

/** How many changes are remembered: at 100 bytes each, less than one page of messages. */
const remembered = 2048;

/**
 * Counts the changes of the cache and remembers the last ones, so that what was derived from
 * thousands of entries need not look at each of them to know which have changed.
 */
export class ChangeLog {
  #count = 0;
  #last: Change[] = [];

  get count(): number {
    return this.#count;
  }

  add(change: Change): void {
    this.#count += 1;
    this.#last.push(change);
    if (this.#last.length >= 2 * remembered) this.#last = this.#last.slice(-remembered);
  }

  /** Counts a change that may be about anything. */
  addUnknown(): void {
    this.#count += 1;
    this.#last = [];
  }

  /** The changes after the first `count`; undefined if they are no longer remembered. */
  since(count: number): readonly Change[] | undefined {
    const missing = this.#count - count;
    return missing <= this.#last.length ? this.#last.slice(this.#last.length - missing) : undefined;
  }
}
