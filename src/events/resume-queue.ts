/**
 * Runs few works at once; the others wait. Users have their turns one after another, however many
 * works each of them has waiting.
 */
export class ResumeQueue {
  readonly #limit: number;
  #running = 0;
  /** Those who wait by user, the user whose turn is next first. */
  readonly #waiting = new Map<number, (() => void)[]>();

  /** @param limit so many run at once. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves with the result of `work`, once it had its turn. */
  async run<Result>(userId: number, work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.#limit) await this.#wait(userId);
    else this.#running += 1;
    try {
      return await work();
    } finally {
      this.#passOn();
    }
  }

  #wait(userId: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const own = this.#waiting.get(userId);
    if (own === undefined) this.#waiting.set(userId, [resolve]);
    else own.push(resolve);
    return promise;
  }

  /** Lets the next one take the place, in another turn of the event loop: other requests come between. */
  #passOn(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    const [userId, [start, ...rest]] = next;
    this.#waiting.delete(userId);
    if (rest.length > 0) this.#waiting.set(userId, rest);
    if (start !== undefined) setImmediate(start);
  }
}
