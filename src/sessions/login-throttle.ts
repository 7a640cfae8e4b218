import { hash } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import { Refusal } from '../errors.ts';
import { placeOf, turnsOf } from '../http/address.ts';
import { RateLimiter } from '../http/rate-limiter.ts';
import { FailedLogins, type FailureCount, type Patience } from './failed-logins.ts';
import type { Session } from './sessions.ts';

const minute = 60_000;
const patience: Patience = { free: 5, firstWait: 1_000 };

/** What a network has for itself while strangers have to wait, in spite of them. */
const ownTries: Patience = { free: 1, firstWait: minute };

/** So many tries in spite of the wait are let through for a name, from all networks together. */
const triesInSpite = { quota: 1_000, window: 24 * 60 * 60 };

/** Of a request, what counts here. */
interface Request {
  readonly ip: string;
  readonly log: Pick<FastifyBaseLogger, 'warn'>;
}

/** Whose password is tried, and what is known of who tries it. */
interface LoginAttempt {
  /** The name in canonical form, whether anybody has it or not. */
  readonly nameKey: string;
  readonly userId: number | undefined;
  /** The session that the request brings, if it brings one. */
  readonly session: Session | undefined;
  /** Whether the account was signed in to from this network before. */
  readonly isKnown: boolean;
}

/**
 * Slows down who guesses the password of an account, from however many addresses. The wait is no
 * lock: the sessions that there are go on, and a session of the account and each of its known
 * networks are counted apart from strangers. These share a count for each name. While they have to
 * wait, a network that has not tried that name lately has a try of its own, so that the owner gets in
 * from a new place too, though others guess without end.
 */
export class LoginThrottle {
  readonly #isOn: boolean;
  readonly #inSpite: RateLimiter;
  /** Of sessions and known networks: apart, so that strangers cannot have them forgotten. */
  readonly #own: FailedLogins;
  readonly #names: FailedLogins;
  readonly #networks: FailedLogins;

  /** @param ticks a time in ms that never steps. */
  constructor(ticks: () => number, { isOn }: { isOn: boolean }) {
    this.#isOn = isOn;
    this.#inSpite = new RateLimiter(ticks);
    this.#own = new FailedLogins(ticks, patience);
    this.#names = new FailedLogins(ticks, patience);
    this.#networks = new FailedLogins(ticks, ownTries);
  }

  /**
   * Tells whether a password is right, by `verify`. It counts as wrong until it is known to be
   * right, so that many guesses at once are not more than as many in a row.
   *
   * @throws Refusal `too_often`, before anything is verified; what `verify` throws.
   */
  async check(
    request: Request,
    guess: LoginAttempt,
    verify: () => Promise<boolean>,
  ): Promise<boolean> {
    if (!this.#isOn) return verify();
    const counts = this.#admit(request, guess);
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
    // The name is not logged: people type their password there.
    if (first === patience.free) {
      const { ip: address } = request;
      request.log.warn({ user: guess.userId, address }, 'wrong passwords: slowing down');
    }
    return false;
  }

  /** What a try counts for, if it may be made now. */
  #admit({ ip }: Request, guess: LoginAttempt): [FailureCount, ...FailureCount[]] {
    const own = this.#ownOf(ip, guess);
    if (own !== undefined) return [own.demand()];
    // Names are of any length here, and not to be kept.
    const name = hash('sha256', guess.nameKey, 'base64url');
    const shared = this.#names.of(name);
    const alone = this.#networks.of(`${name} ${turnsOf(ip)[0]}`);
    if (shared.wait > 0) {
      if (alone.wait > 0) throw new Refusal('too_often', Math.min(shared.wait, alone.wait));
      const { wait } = this.#inSpite.consume(name, triesInSpite);
      if (wait > 0) throw new Refusal('too_often', Math.min(shared.wait, wait));
    }
    return [shared, alone];
  }

  #ownOf(ip: string, { userId, session, isKnown }: LoginAttempt): FailureCount | undefined {
    if (userId === undefined) return undefined;
    if (session?.userId === userId) return this.#own.of(`session ${session.id}`);
    return isKnown ? this.#own.of(`network ${userId} ${placeOf(ip)}`) : undefined;
  }
}
