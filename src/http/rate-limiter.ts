import { LruMap } from './lru-map.ts';

/** So many at once, and as many again within each window: they come back one by one. */
export interface Quota {
  readonly quota: number;
  /** In seconds; as ms it is a multiple of the quota, so that nothing has to be rounded. */
  readonly window: number;
}

/** What was left after a request, and how long there is to wait; times in whole ms. */
export interface RateLimitResult {
  readonly left: number;
  /** Until there is room again for this request, which was refused; 0 if it was not. */
  readonly wait: number;
  /** Until the whole quota is there again. */
  readonly reset: number;
}

/** So many keys are known; of more than these, who has not been heard of longest is forgotten. */
const keyLimit = 10_000;

/**
 * Counts by the generic cell rate algorithm (ITU-T I.371), a token bucket that remembers one time
 * for each key. What it refuses does not count.
 */
export class RateLimiter {
  readonly #ticks: () => number;
  /** When a key's whole quota is there again. */
  readonly #resets = new LruMap<number>(keyLimit);

  /** @param ticks a time in ms that never steps. */
  constructor(ticks: () => number) {
    this.#ticks = ticks;
  }

  /** @param cost how much of the quota it takes. */
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

  /** How things stand for a key: `wait` is until there is something left. */
  peek(key: string, { quota, window }: Quota): RateLimitResult {
    const span = window * 1000;
    const reset = Math.max(0, (this.#resets.get(key) ?? 0) - this.#ticks());
    const left = Math.max(0, Math.floor(((span - reset) / span) * quota));
    return { left, wait: left > 0 ? 0 : Math.ceil(reset - span) + 1, reset };
  }

  /** Counts so many, also where they are more than is left: then the key is in debt. */
  spend(key: string, { quota, window }: Quota, count: number): void {
    const now = this.#ticks();
    const reset = Math.max(now, this.#resets.get(key) ?? 0);
    this.#resets.set(key, reset + (count / quota) * window * 1000);
  }
}
