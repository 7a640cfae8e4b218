import { Refusal } from '../errors.ts';
import { LruMap } from '../http/lru-map.ts';

const minute = 60_000;

/** The longest wait, in ms. */
const longestWait = 15 * minute;

/** How long wrong passwords are remembered after the last one, in ms. */
const lifetime = 60 * minute;

/** The most counts in memory; beyond that, the least recently used one is dropped. */
const keyLimit = 10_000;

/** How long to wait after wrong passwords in a row. */
export interface Patience {
  /** The number of wrong passwords in a row that cost nothing. */
  readonly free: number;
  /** The wait after the next one, in ms; it doubles with each further one, up to 15 min. */
  readonly firstWait: number;
}

/** The wrong passwords in a row, and when the last one came, in ms. */
interface Failure {
  count: number;
  last: number;
}

/** Counts wrong passwords in a row, by key. */
export class FailedLogins {
  readonly #ticks: () => number;
  readonly #patience: Patience;
  readonly #failures = new LruMap<Failure>(keyLimit);

  /** @param ticks a monotonic clock, in ms. */
  constructor(ticks: () => number, patience: Patience) {
    this.#ticks = ticks;
    this.#patience = patience;
  }

  of(key: string): FailureCount {
    const now = this.#ticks();
    const stored = this.#failures.get(key);
    const isFresh = stored !== undefined && now - stored.last <= lifetime;
    const failure = isFresh ? stored : { count: 0, last: now };
    const wait = Math.ceil(failure.last + this.#waitAfter(failure.count) - now);
    return new FailureCount(wait, failure, {
      note: () => {
        failure.last = now;
        this.#failures.set(key, failure);
      },
      clear: () => this.#failures.delete(key),
    });
  }

  #waitAfter(count: number): number {
    const { free, firstWait } = this.#patience;
    const paid = count - free;
    return paid < 0 ? 0 : Math.min(firstWait * 2 ** paid, longestWait);
  }
}

/** The count of a key, for one attempt. */
export class FailureCount {
  /** How long to wait, in ms; 0 or less if an attempt may be made now. */
  readonly wait: number;
  readonly #failure: Failure;
  readonly #store: { note(): void; clear(): void };

  constructor(wait: number, failure: Failure, store: { note(): void; clear(): void }) {
    this.wait = wait;
    this.#failure = failure;
    this.#store = store;
  }

  /** @throws Refusal `too_often` */
  demand(): this {
    if (this.wait > 0) throw new Refusal('too_often', this.wait);
    return this;
  }

  /** Counts the attempt as wrong; returns its position in the row, from 1 on. */
  note(): number {
    this.#failure.count += 1;
    this.#store.note();
    return this.#failure.count;
  }

  /** The password was right: clears the row. */
  clear(): void {
    this.#store.clear();
  }

  /** Takes the count back, because the password was not checked after all. */
  takeBack(): void {
    this.#failure.count -= 1;
  }
}
