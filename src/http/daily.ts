import { networksOf } from './address.ts';
import { RateLimiter } from './rate-limiter.ts';

/** What may be had within a day; Infinity where there is no limit. */
export interface DailyLimits {
  /** Texts of a user, in bytes. */
  readonly textBytes: number;
  /** Accounts by an address of IPv4 or a /64; twice as many by a /56, four times by a /48. */
  readonly accountsPerNetwork: number;
  /** Accounts in all. */
  readonly accounts: number;
}

/** In seconds. */
const day = 24 * 3600;

/** Counts what is had within a day; in memory, so a restart forgets. */
export class DailyQuotas {
  readonly #limits: DailyLimits;
  readonly #meter: RateLimiter;

  /** @param ticks a time in ms that never steps. */
  constructor(ticks: () => number, limits: DailyLimits) {
    this.#meter = new RateLimiter(ticks);
    this.#limits = limits;
  }

  /** Whether a user may store so many bytes of text; if so, they count. */
  takeText(userId: number, bytes: number): boolean {
    return this.#take(`text ${userId}`, this.#limits.textBytes, bytes);
  }

  /**
   * Whether one more account may be made from an address; if so, it counts. The narrowest network
   * goes first: one that has used up its own takes nothing from the others.
   */
  takeAccount(ip: string): boolean {
    const { accountsPerNetwork, accounts } = this.#limits;
    const networks = networksOf(ip).every((network, width) =>
      this.#take(`accounts ${network}`, accountsPerNetwork * 2 ** width, 1),
    );
    return networks && this.#take('accounts', accounts, 1);
  }

  #take(key: string, quota: number, cost: number): boolean {
    if (quota === Number.POSITIVE_INFINITY) return true;
    return this.#meter.consume(key, { quota, window: day }, cost).wait === 0;
  }
}
