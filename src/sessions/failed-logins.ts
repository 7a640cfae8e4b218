import { Refusal } from '../errors.ts';
import { LruMap } from '../http/lru-map.ts';

const minute = 60_000;

/** The longest wait, in ms. */
const longestWait = 15 * minute;

/** Without a further one, wrong passwords are forgotten after this, in ms. */
const memory = 60 * minute;

/** So many counts are known; the one that was not asked for longest is forgotten. */
const keyLimit = 10_000;

/** How long a row of wrong passwords makes the next try wait. */
export interface Patience {
  /** So many wrong passwords in a row cost nothing. */
  readonly free: number;
  /** The wait after that, in ms; it doubles with each further one, up to a quarter of an hour. */
  readonly firstWait: number;
}

/** How many wrong passwords there were in a row, and when the last one came. */
interface Failure {
  count: number;
  last: number;
}

/** Counts wrong passwords in a row, by keys of one kind. */
export class FailedLogins {
  readonly #ticks: () => number;
  readonly #patience: Patience;
  readonly #failures = new LruMap<Failure>(keyLimit);

  /** @param ticks a time in ms that never steps. */
  constructor(ticks: () => number, patience: Patience) {
    this.#ticks = ticks;
    this.#patience = patience;
  }

  of(key: string): FailureCount {
    const now = this.#ticks();
    const known = this.#failures.get(key);
    const isFresh = known !== undefined && now - known.last <= memory;
    const failure = isFresh ? known : { count: 0, last: now };
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

/** A count as it is for one try. */
export class FailureCount {
  /** How long there is to wait, in ms; 0 or less if a try may be made now. */
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

  /** Counts a try as wrong; returns the how many-th in a row it is. */
  note(): number {
    this.#failure.count += 1;
    this.#store.note();
    return this.#failure.count;
  }

  /** It was right: the row is over. */
  clear(): void {
    this.#store.clear();
  }

  /** It was no try after all. */
  takeBack(): void {
    this.#failure.count -= 1;
  }
}
