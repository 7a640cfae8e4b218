import { setTimeout as sleep } from 'node:timers/promises';

/** How long a caller waits for the file to be read again, in ms. */
const patience = 2_000;

/**
 * How long after a file was found damaged it is read again, in ms: reading it keeps the disk busy.
 */
const period = 600_000;

/**
 * Whether the file is damaged, after a read of it has failed. A cable or a controller may fail for
 * only a moment. So the whole file is read again before it is called damaged, and from time to time
 * after that.
 */
export class DamageCheck {
  readonly #inspect: () => Promise<boolean>;
  readonly #ticks: () => number;
  #state: 'sound' | 'suspect' | 'damaged' = 'sound';
  #inspection: Promise<void> | undefined;
  #hasFailedMeanwhile = false;
  #foundAt = 0;

  /**
   * @param inspect returns whether the whole file is sound.
   * @param ticks a monotonic time in ms.
   */
  constructor(inspect: () => Promise<boolean>, ticks: () => number = () => performance.now()) {
    this.#inspect = inspect;
    this.#ticks = ticks;
  }

  /** Notes that a read has failed. */
  suspect(): void {
    this.#hasFailedMeanwhile = true;
    if (this.#state === 'sound') this.#state = 'suspect';
  }

  /** Whether the file is damaged, as far as is known; waits a little if it must be read again. */
  async isDamaged(): Promise<boolean> {
    if (!this.#isSuspect) return false;
    const isDue = this.#state === 'suspect' || this.#ticks() - this.#foundAt >= period;
    if (isDue) this.#inspection ??= this.#inspectAgain();
    const waiting = new AbortController();
    await Promise.race([this.#inspection, pause(waiting.signal)]);
    waiting.abort();
    return this.#isSuspect;
  }

  get #isSuspect(): boolean {
    return this.#state !== 'sound';
  }

  async #inspectAgain(): Promise<void> {
    this.#hasFailedMeanwhile = false;
    const isSound = await this.#inspect();
    this.#inspection = undefined;
    if (isSound) this.#state = this.#hasFailedMeanwhile ? 'suspect' : 'sound';
    else {
      this.#state = 'damaged';
      this.#foundAt = this.#ticks();
    }
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(patience, undefined, { signal, ref: false }).catch(() => undefined);
}
