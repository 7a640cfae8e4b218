import { networksOf } from './address.ts';
import { RateLimiter } from './rate-limiter.ts';

/** Daily limits; Infinity where there is none. */
export interface DailyLimits {
  /** Text stored by a user, in bytes. */
  readonly textBytes: number;
  /** Accounts from an IPv4 address or a /64; 2 times as many from a /56, 4 times from a /48. */
  readonly accountsPerNetwork: number;
  /** Accounts in total. */
  readonly accounts: number;
}

/** The window, in seconds. */
const day = 24 * 3600;

/** Daily quotas. They are counted in memory, so a restart resets them. */
export class DailyQuotas {
  readonly #limits: DailyLimits;
  readonly #limiter: RateLimiter;

  /** @param ticks a monotonic clock, in ms. */
  constructor(ticks: () => number, limits: DailyLimits) {
    this.#limiter = new RateLimiter(ticks);
    this.#limits = limits;
  }

  /** Whether a user may store this many bytes of text; if so, they are counted. */
  takeText(userId: number, bytes: number): boolean {
    return this.#take(`text ${userId}`, this.#limits.textBytes, bytes);
  }

  /**
   * Whether one more account may be made from an address; if so, it is counted. The narrowest
   * network is charged first: once its own quota is used up, it takes nothing from the wider ones.
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
    return this.#limiter.consume(key, { quota, window: day }, cost).wait === 0;
  }
}
