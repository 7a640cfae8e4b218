import { Refusal } from '../errors.ts';

/** Who waits, for the order in which they are served. */
export interface Waiter {
  /** Whether they come from a known network of the account, or with a session of it. */
  readonly isKnown: boolean;
  /** The networks that they come from, the widest first. */
  readonly networks: readonly string[];
  /** Whether nobody waits any more, because the connection has closed. */
  isGone?(): boolean;
}

/** As many may wait, a few seconds' worth: strangers have a part of the places. */
export const places = { known: 50, strangers: 75 } as const;

/** While both wait, strangers have every fourth turn: nobody waits for ever. */
const strangersTurn = 4;

interface Job {
  readonly start: () => void;
  readonly refuse: (reason: Refusal) => void;
  readonly isGone: () => boolean;
}

/**
 * Does a bounded number of jobs at a time and lets the others wait in two lanes. Strangers can
 * neither fill the lane of the known nor hold it up for longer than the jobs at hand. Within a lane,
 * the widest networks take turns, and so do the narrower ones within each: a flood from one of them
 * waits for itself. When a lane is full, the network with the most jobs in it loses its newest one
 * to a network with fewer. The jobs of those who are gone are dropped at their turn, or when a lane
 * is full, before anybody else loses a place.
 */
export class PasswordQueue {
  readonly #known = new Lane(places.known);
  readonly #strangers = new Lane(places.strangers);
  #free: number;
  #turn = 0;

  /** @param concurrency how many jobs are done at a time. */
  constructor(concurrency: number) {
    this.#free = concurrency;
  }

  /** @throws Refusal `busy` if too many wait, or the waiter is gone; what `work` throws. */
  run<Result>(waiter: Waiter, work: () => Promise<Result>): Promise<Result> {
    const { promise: turn, resolve: start, reject: refuse } = Promise.withResolvers<void>();
    const lane = waiter.isKnown ? this.#known : this.#strangers;
    const isGone = () => waiter.isGone?.() === true;
    lane.add({ start, refuse, isGone }, waiter.networks);
    this.#serve();
    return turn.then(() => work().finally(() => this.#finish()));
  }

  #finish(): void {
    this.#free += 1;
    this.#serve();
  }

  #serve(): void {
    while (this.#free > 0) {
      const job = this.#next();
      if (job === undefined) return;
      this.#free -= 1;
      job.start();
    }
  }

  #next(): Job | undefined {
    this.#turn = (this.#turn + 1) % strangersTurn;
    const [first, second] =
      this.#turn === 0 ? [this.#strangers, this.#known] : [this.#known, this.#strangers];
    return first.next() ?? second.next();
  }
}

/** Jobs that wait, by the networks that they come from. */
class Lane {
  readonly #limit: number;
  readonly #all = new Group();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Refuses the job, or another one in its place, if there is no room. */
  add(job: Job, networks: readonly string[]): void {
    if (this.#all.size >= this.#limit) this.#all.removeGone().forEach(refuse);
    const displaced = this.#all.size < this.#limit ? undefined : this.#all.displace(networks);
    if (displaced !== undefined) refuse(displaced);
    if (this.#all.size < this.#limit) this.#all.add(job, networks);
    else refuse(job);
  }

  next(): Job | undefined {
    for (;;) {
      const job = this.#all.next();
      if (job === undefined || !job.isGone()) return job;
      refuse(job);
    }
  }
}

function refuse(job: Job): void {
  job.refuse(new Refusal('busy'));
}

/** The jobs of a network: its own, or those of the narrower networks in it. */
class Group {
  size = 0;
  #jobs: Job[] = [];
  /** In the order of their turns. */
  readonly #parts = new Map<string, Group>();

  add(job: Job, [network, ...narrower]: readonly string[]): void {
    this.size += 1;
    if (network === undefined) return void this.#jobs.push(job);
    const part = this.#parts.get(network) ?? new Group();
    part.add(job, narrower);
    this.#parts.set(network, part);
  }

  /** Takes out the job whose turn it is. */
  next(): Job | undefined {
    const [turn] = this.#parts;
    if (turn === undefined) return this.#take(this.#jobs.shift());
    const [network, part] = turn;
    this.#parts.delete(network);
    const job = this.#take(part.next());
    if (part.size > 0) this.#parts.set(network, part);
    return job;
  }

  /** Takes out the jobs of those who are gone. */
  removeGone(): Job[] {
    const gone = this.#jobs.filter((job) => job.isGone());
    this.#jobs = this.#jobs.filter((job) => !gone.includes(job));
    for (const [network, part] of this.#parts) {
      gone.push(...part.removeGone());
      if (part.size === 0) this.#parts.delete(network);
    }
    this.size -= gone.length;
    return gone;
  }

  /** Takes out the newest job of the network that has the most, if the one that asks has fewer. */
  displace([network, ...narrower]: readonly string[]): Job | undefined {
    const [name, heaviest] = this.#heaviest();
    if (heaviest === undefined || network === undefined) return undefined;
    const own = this.#parts.get(network);
    if (own === heaviest) return this.#takeFrom(name, heaviest, heaviest.displace(narrower));
    const isFair = (own?.size ?? 0) + 1 < heaviest.size;
    return isFair ? this.#takeFrom(name, heaviest, heaviest.#newest()) : undefined;
  }

  #newest(): Job | undefined {
    const [name, heaviest] = this.#heaviest();
    if (heaviest === undefined) return this.#take(this.#jobs.pop());
    return this.#takeFrom(name, heaviest, heaviest.#newest());
  }

  #heaviest(): [string, Group | undefined] {
    let found: [string, Group | undefined] = ['', undefined];
    for (const [name, part] of this.#parts) {
      if (part.size > (found[1]?.size ?? 0)) found = [name, part];
    }
    return found;
  }

  #takeFrom(name: string, part: Group, job: Job | undefined): Job | undefined {
    if (part.size === 0) this.#parts.delete(name);
    return this.#take(job);
  }

  #take(job: Job | undefined): Job | undefined {
    if (job !== undefined) this.size -= 1;
    return job;
  }
}
