/**
 * Runs a limited number of tasks at once; the others wait. Users take turns, however many tasks
 * each of them has waiting.
 */
export class ResumeQueue {
  readonly #limit: number;
  #running = 0;
  /** Waiting tasks by user; the user whose turn is next comes first. */
  readonly #waiting = new Map<number, (() => void)[]>();

  /** @param limit how many tasks run at once. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves with the result of `work`, once it has had its turn. */
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

  /** Starts the next task in another turn of the event loop, so that other requests get theirs. */
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
