/** A batch with long work in it should be on the disk within this, in ms: others wait meanwhile. */
const target = 50;

/** What the statements of a batch may take before long work makes way, in ms. */
const bounds = { least: 2, most: 20 };

/**
 * How long the statements of long work may take. What they have changed is still to be committed,
 * which takes longer on some disks than they do: so it follows what whole batches take.
 */
export class Pace {
  #budget = bounds.most / 2;
  #began = 0;
  #isAsked = false;
  readonly #ticks: () => number;

  /** @param ticks a time in ms that never steps. */
  constructor(ticks: () => number = () => performance.now()) {
    this.#ticks = ticks;
  }

  /** Notes that a batch begins. */
  begin(): void {
    this.#began = this.#ticks();
    this.#isAsked = false;
  }

  /** Whether long work in this batch may go on. */
  hasTime(): boolean {
    this.#isAsked = true;
    return this.#ticks() - this.#began < this.#budget;
  }

  /** Notes that a batch is on the disk. */
  end(): void {
    if (!this.#isAsked) return;
    const isSlow = this.#ticks() - this.#began > target;
    this.#budget = isSlow
      ? Math.max(bounds.least, this.#budget / 2)
      : Math.min(bounds.most, this.#budget * 1.1);
  }
}
