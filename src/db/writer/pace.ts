/**
 * A batch with long work in it should be on disk within this time, in ms, because others wait for
 * it.
 */
const target = 50;

/** How long the statements of a batch may take before long work stops, in ms. */
const bounds = { least: 2, most: 20 };

/**
 * How long the statements of long work may take. Their changes have yet to be committed, which
 * takes longer than the statements on some disks, so the budget follows the time of whole batches.
 */
export class Pace {
  #budget = bounds.most / 2;
  #startedAt = 0;
  #hasLongWork = false;
  readonly #ticks: () => number;

  /** @param ticks a monotonic time in ms. */
  constructor(ticks: () => number = () => performance.now()) {
    this.#ticks = ticks;
  }

  /** Notes that a batch starts. */
  begin(): void {
    this.#startedAt = this.#ticks();
    this.#hasLongWork = false;
  }

  /** Whether long work in this batch may continue. */
  hasTime(): boolean {
    this.#hasLongWork = true;
    return this.#ticks() - this.#startedAt < this.#budget;
  }

  /** Notes that a batch is on disk. */
  end(): void {
    if (!this.#hasLongWork) return;
    const isSlow = this.#ticks() - this.#startedAt > target;
    this.#budget = isSlow
      ? Math.max(bounds.least, this.#budget / 2)
      : Math.min(bounds.most, this.#budget * 1.1);
  }
}
