import { Refusal } from '../errors.ts';

/** A waiting client, as far as the order of service depends on it. */
export interface Waiter {
  /** Whether it comes from a known network of the account, or with a session of it. */
  readonly isKnown: boolean;
  /** The networks that it comes from, the widest first. */
  readonly networks: readonly string[];
  /** Whether the client is gone, because its connection has closed. */
  isGone?(): boolean;
}

/** The maximum number of jobs that may wait in each lane: a few seconds' worth. */
export const places = { known: 50, strangers: 75 } as const;

/** While both lanes wait, every fourth turn is the strangers', so that nobody waits for ever. */
const strangersTurn = 4;

interface Job {
  readonly start: () => void;
  readonly refuse: (reason: Refusal) => void;
  readonly isGone: () => boolean;
}

/**
 * Runs a bounded number of jobs at a time and lets the others wait in two lanes. Strangers can
 * neither fill the lane of known clients nor delay it by more than the jobs in progress. Within a
 * lane, the widest networks take turns, and so do the narrower ones within each, so that a flood
 * from one network delays only itself. When a lane is full, the network with the most jobs in it
 * loses its newest job to a network with fewer. Jobs of clients that are gone are dropped at their
 * turn, or when a lane is full, before any other job is displaced.
 */
export class PasswordQueue {
  readonly #known = new Lane(places.known);
  readonly #strangers = new Lane(places.strangers);
  #free: number;
  #turn = 0;

  /** @param concurrency how many jobs run at a time. */
  constructor(concurrency: number) {
    this.#free = concurrency;
  }

  /** @throws Refusal `busy` if too many wait, or the client is gone; what `work` throws. */
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

/** Waiting jobs, by the networks that they come from. */
class Lane {
  readonly #limit: number;
  readonly #all = new Group();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Refuses the job, or another one for it, if the lane is full. */
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
  /** The narrower networks, in the order of their turns. */
  readonly #subgroups = new Map<string, Group>();

  add(job: Job, [network, ...narrower]: readonly string[]): void {
    this.size += 1;
    if (network === undefined) return void this.#jobs.push(job);
    const subgroup = this.#subgroups.get(network) ?? new Group();
    subgroup.add(job, narrower);
    this.#subgroups.set(network, subgroup);
  }

  /** Takes out the job whose turn it is. */
  next(): Job | undefined {
    const [turn] = this.#subgroups;
    if (turn === undefined) return this.#take(this.#jobs.shift());
    const [network, subgroup] = turn;
    this.#subgroups.delete(network);
    const job = this.#take(subgroup.next());
    if (subgroup.size > 0) this.#subgroups.set(network, subgroup);
    return job;
  }

  /** Takes out the jobs of clients that are gone. */
  removeGone(): Job[] {
    const gone = this.#jobs.filter((job) => job.isGone());
    this.#jobs = this.#jobs.filter((job) => !gone.includes(job));
    for (const [network, subgroup] of this.#subgroups) {
      gone.push(...subgroup.removeGone());
      if (subgroup.size === 0) this.#subgroups.delete(network);
    }
    this.size -= gone.length;
    return gone;
  }

  /** Takes out the newest job of the network with the most jobs, if the given network has fewer. */
  displace([network, ...narrower]: readonly string[]): Job | undefined {
    const [name, heaviest] = this.#heaviest();
    if (heaviest === undefined || network === undefined) return undefined;
    const own = this.#subgroups.get(network);
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
    for (const [name, subgroup] of this.#subgroups) {
      if (subgroup.size > (found[1]?.size ?? 0)) found = [name, subgroup];
    }
    return found;
  }

  #takeFrom(name: string, subgroup: Group, job: Job | undefined): Job | undefined {
    if (subgroup.size === 0) this.#subgroups.delete(name);
    return this.#take(job);
  }

  #take(job: Job | undefined): Job | undefined {
    if (job !== undefined) this.size -= 1;
    return job;
  }
}
