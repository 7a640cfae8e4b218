import { hash } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import { Refusal } from '../errors.ts';
import { placeOf, turnsOf } from '../http/address.ts';
import { RateLimiter } from '../http/rate-limiter.ts';
import { FailedLogins, type FailureCount, type Patience } from './failed-logins.ts';
import type { Session } from './sessions.ts';

const minute = 60_000;
const patience: Patience = { free: 5, firstWait: 1_000 };

/** The attempts that a network has for itself while strangers have to wait. */
const networkPatience: Patience = { free: 1, firstWait: minute };

/** Attempts per name that bypass the wait, from all networks together; the window is in s. */
const bypassQuota = { quota: 1_000, window: 24 * 60 * 60 };

/** The facts about a request that count here. */
interface Request {
  readonly ip: string;
  readonly log: Pick<FastifyBaseLogger, 'warn'>;
}

/** The account whose password is tried, and what is known of the client. */
interface LoginAttempt {
  /** The name in canonical form, whether or not an account has it. */
  readonly nameKey: string;
  readonly userId: number | undefined;
  /** The session of the request, if it has one. */
  readonly session: Session | undefined;
  /** Whether the account was signed in to from this network before. */
  readonly isKnown: boolean;
}

/**
 * Slows down password guessing against an account, from however many addresses. This is a delay,
 * not a lockout: existing sessions keep working, and a session of the account and each of its known
 * networks are counted apart from strangers. Strangers share one count for each name. While they
 * have to wait, a network that has not tried that name lately has an attempt of its own, so that the
 * owner can sign in from a new place even though others guess without end.
 */
export class LoginThrottle {
  readonly #isOn: boolean;
  readonly #bypass: RateLimiter;
  /** Counts of sessions and known networks, kept apart so that strangers cannot push them out. */
  readonly #trusted: FailedLogins;
  readonly #names: FailedLogins;
  readonly #networks: FailedLogins;

  /** @param ticks a monotonic clock, in ms. */
  constructor(ticks: () => number, { isOn }: { isOn: boolean }) {
    this.#isOn = isOn;
    this.#bypass = new RateLimiter(ticks);
    this.#trusted = new FailedLogins(ticks, patience);
    this.#names = new FailedLogins(ticks, patience);
    this.#networks = new FailedLogins(ticks, networkPatience);
  }

  /**
   * Checks a password with `verify`. The attempt counts as wrong until it turns out right, so that
   * many guesses at once get no further than as many in a row.
   *
   * @throws Refusal `too_often`, before anything is verified; what `verify` throws.
   */
  async check(
    request: Request,
    attempt: LoginAttempt,
    verify: () => Promise<boolean>,
  ): Promise<boolean> {
    if (!this.#isOn) return verify();
    const counts = this.#admit(request, attempt);
    const [first] = counts.map((count) => count.note());
    try {
      if (await verify()) {
        for (const count of counts) count.clear();
        return true;
      }
    } catch (error) {
      for (const count of counts) count.takeBack();
      throw error;
    }
    // The name is not logged: people type their password into its field.
    if (first === patience.free) {
      const { ip: address } = request;
      request.log.warn({ user: attempt.userId, address }, 'wrong passwords: slowing down');
    }
    return false;
  }

  /** The counts that the attempt adds to, if it may be made now. */
  #admit({ ip }: Request, attempt: LoginAttempt): [FailureCount, ...FailureCount[]] {
    const trusted = this.#trustedCountOf(ip, attempt);
    if (trusted !== undefined) return [trusted.demand()];
    // Names may be of any length here, and must not be stored.
    const name = hash('sha256', attempt.nameKey, 'base64url');
    const shared = this.#names.of(name);
    const network = this.#networks.of(`${name} ${turnsOf(ip)[0]}`);
    if (shared.wait > 0) {
      if (network.wait > 0) throw new Refusal('too_often', Math.min(shared.wait, network.wait));
      const { wait } = this.#bypass.consume(name, bypassQuota);
      if (wait > 0) throw new Refusal('too_often', Math.min(shared.wait, wait));
    }
    return [shared, network];
  }

  #trustedCountOf(
    ip: string,
    { userId, session, isKnown }: LoginAttempt,
  ): FailureCount | undefined {
    if (userId === undefined) return undefined;
    if (session?.userId === userId) return this.#trusted.of(`session ${session.id}`);
    return isKnown ? this.#trusted.of(`network ${userId} ${placeOf(ip)}`) : undefined;
  }
}
