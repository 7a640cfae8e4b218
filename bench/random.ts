/** Reproducible random numbers: the same seed gives the same numbers (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** At least 0, less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `count` − 1. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** The same, by Zipf's law: the n-th is drawn about 1/n times as often as the first. */
  zipf(count: number): number {
    return Math.floor((count + 1) ** this.next()) - 1;
  }

  /** From the standard normal distribution (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  pick<Value>(list: readonly Value[]): Value {
    return at(list, this.below(list.length));
  }

  /** In place (Fisher and Yates). */
  shuffle<Value>(list: Value[]): Value[] {
    for (let i = list.length - 1; i > 0; i--) {
      const other = this.below(i + 1);
      [list[i], list[other]] = [at(list, other), at(list, i)];
    }
    return list;
  }
}

function at<Value>(list: readonly Value[], index: number): Value {
  if (index >= list.length) throw new RangeError('nothing to choose from');
  return list[index] as Value;
}
