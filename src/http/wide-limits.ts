import { Refusal } from '../errors.ts';
import { networksOf } from './address.ts';
import { type Quota, RateLimiter } from './rate-limiter.ts';

const minute = 60;
const hour = 60 * minute;

/**
 * The limits of the IPv6 networks around an address: a home has 256 of the /64 that
 * http/rate-limit.ts counts, and a rented server often a whole /48. Few homes share a /48, but many
 * phones of one company may, so it is allowed more.
 */
export const wideLimits = {
  login: { '/56': { quota: 30, window: minute }, '/48': { quota: 90, window: minute } },
  register: { '/56': { quota: 300, window: hour }, '/48': { quota: 600, window: hour } },
} as const satisfies Record<string, Record<string, Quota>>;

/**
 * Limits strangers by the networks around their address. They are counted in memory, so a restart
 * resets the limits.
 */
export class WideLimits {
  readonly #limiter: RateLimiter;
  readonly #isOn: boolean;

  /** @param ticks a monotonic clock, in ms. */
  constructor(ticks: () => number, { isOn }: { isOn: boolean }) {
    this.#limiter = new RateLimiter(ticks);
    this.#isOn = isOn;
  }

  /** @throws Refusal `too_often` */
  take(name: keyof typeof wideLimits, ip: string): void {
    if (!this.#isOn) return;
    const networks = networksOf(ip);
    for (const [prefix, quota] of Object.entries(wideLimits[name])) {
      const network = networks.find((one) => one.endsWith(prefix));
      if (network === undefined) continue;
      const { wait } = this.#limiter.consume(`${name} ${network}`, quota);
      if (wait > 0) throw new Refusal('too_often', wait);
    }
  }
}
