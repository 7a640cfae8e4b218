import { LruMap } from './lru-map.ts';

/** A burst of `quota`, which refills one by one over each window. */
export interface Quota {
  readonly quota: number;
  /** In seconds; in ms it is a multiple of the quota, so that nothing has to be rounded. */
  readonly window: number;
}

/** The state after a request; times in whole ms. */
export interface RateLimitResult {
  readonly left: number;
  /** The time until this request would be accepted; 0 if it was. */
  readonly wait: number;
  /** The time until the whole quota is available again. */
  readonly reset: number;
}

/** The maximum number of keys that are remembered; beyond that, the least recently used one is dropped. */
const keyLimit = 10_000;

/**
 * Limits rates by the generic cell rate algorithm (ITU-T I.371), a token bucket that stores one
 * time for each key. Refused requests do not count.
 */
export class RateLimiter {
  readonly #ticks: () => number;
  /** When the whole quota of a key is available again. */
  readonly #resets = new LruMap<number>(keyLimit);

  /** @param ticks a monotonic clock, in ms. */
  constructor(ticks: () => number) {
    this.#ticks = ticks;
  }

  /** @param cost how much of the quota the request takes. */
  consume(key: string, { quota, window }: Quota, cost = 1): RateLimitResult {
    const now = Math.floor(this.#ticks());
    const span = window * 1000;
    const step = (span / quota) * cost;
    const reset = Math.max(0, (this.#resets.get(key) ?? 0) - now);
    const wait = reset + step - span;
    if (wait > 0) return { left: 0, wait, reset };
    this.#resets.set(key, now + reset + step);
    return { left: Math.floor((-wait / step) * cost), wait: 0, reset: reset + step };
  }

  /** The state of a key: `wait` is the time until something is left. */
  peek(key: string, { quota, window }: Quota): RateLimitResult {
    const span = window * 1000;
    const reset = Math.max(0, (this.#resets.get(key) ?? 0) - this.#ticks());
    const left = Math.max(0, Math.floor(((span - reset) / span) * quota));
    return { left, wait: left > 0 ? 0 : Math.ceil(reset - span) + 1, reset };
  }

  /** Charges `count` even if that is more than what is left: the key is then in debt. */
  spend(key: string, { quota, window }: Quota, count: number): void {
    const now = this.#ticks();
    const reset = Math.max(now, this.#resets.get(key) ?? 0);
    this.#resets.set(key, reset + (count / quota) * window * 1000);
  }
}
