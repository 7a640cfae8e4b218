import { hash } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import { Refusal } from '../errors.ts';
import type { Session } from '../sessions/sessions.ts';
import { placeOf } from './address.ts';
import { Recent } from './recent.ts';

/** So many wrong passwords in a row cost nothing. */
const freeGuesses = 5;

/** The wait after that, in ms; it doubles with each further one, up to the longest. */
const firstWait = 1_000;
const longestWait = 15 * 60_000;

/** Without a further one, they are forgotten after this, in ms. */
const memory = 60 * 60_000;

/** So many counts and so many places are known; who has not been heard of longest is forgotten. */
const keyLimit = 10_000;

/** Of a request, what counts here. */
interface Request {
  readonly ip: string;
  readonly log: Pick<FastifyBaseLogger, 'warn'>;
}

/** How many wrong passwords there were in a row, and when the last one came. */
interface Failure {
  count: number;
  last: number;
}

/** Whose password is tried, and what is known of who tries it. */
interface Guess {
  /** The name in canonical form, whether anybody has it or not. */
  readonly nameKey: string;
  readonly userId: number | undefined;
  /** The session that the request brings, if it brings one. */
  readonly session: Session | undefined;
}

/**
 * Slows down who guesses the password of an account, from however many addresses. The wait is no
 * lock: the sessions that there are go on, and who shows one of them, or comes from a place from
 * which the account was entered before, is counted apart from strangers.
 */
export class Guesses {
  readonly #free: number;
  readonly #places = new Recent<true>(keyLimit);
  readonly #failures = new Recent<Failure>(keyLimit);
  readonly #ticks: () => number;

  /** @param ticks a time in ms that never steps. */
  constructor(ticks: () => number, { isOn }: { isOn: boolean }) {
    this.#ticks = ticks;
    this.#free = isOn ? freeGuesses : Number.POSITIVE_INFINITY;
  }

  /** Remembers that an account was entered from where a request comes. */
  noteEntry({ ip }: Request, userId: number): void {
    this.#places.set(placeKey(userId, ip), true);
  }

  /**
   * Tells whether a password is right, by `verify`. It counts as wrong until it is known to be
   * right, so that many guesses at once are not more than as many in a row.
   *
   * @throws Refusal `too_often`, before anything is verified; what `verify` throws.
   */
  async check(request: Request, guess: Guess, verify: () => Promise<boolean>): Promise<boolean> {
    const key = this.#keyOf(request, guess);
    const failure = this.#begin(key);
    const nth = failure.count;
    try {
      if (await verify()) {
        this.#failures.delete(key);
        return true;
      }
    } catch (error) {
      failure.count -= 1;
      throw error;
    }
    // The name is not logged: people type their password there.
    if (nth === this.#free) {
      const { ip: address } = request;
      request.log.warn({ user: guess.userId, address }, 'wrong passwords: slowing down');
    }
    return false;
  }

  #begin(key: string) {
    const now = this.#ticks();
    const known = this.#failures.get(key);
    const isFresh = known !== undefined && now - known.last <= memory;
    const failure = isFresh ? known : { count: 0, last: now };
    const wait = Math.ceil(failure.last + this.#waitAfter(failure.count) - now);
    if (wait > 0) throw new Refusal('too_often', wait);
    failure.count += 1;
    failure.last = now;
    this.#failures.set(key, failure);
    return failure;
  }

  #waitAfter(count: number): number {
    const paid = count - this.#free;
    return paid < 0 ? 0 : Math.min(firstWait * 2 ** paid, longestWait);
  }

  /** Under what a guess is counted: a session, a known place, or the name for all strangers. */
  #keyOf({ ip }: Request, { nameKey, userId, session }: Guess): string {
    if (userId !== undefined) {
      if (session?.userId === userId) return `session ${session.id}`;
      const place = placeKey(userId, ip);
      if (this.#places.has(place)) return `place ${place}`;
    }
    // Names are of any length here, and not to be kept.
    return `name ${hash('sha256', nameKey, 'base64url')}`;
  }
}

const placeKey = (userId: number, ip: string) => `${userId} ${placeOf(ip)}`;
