/**
 * Leader election: one tab of a browser leads all others. The tabs exchange messages to agree on
 * it. Web Locks would be simpler, but are missing over plain http, and a frozen tab keeps its lock.
 */
import { readItem, removeItem, writeItem } from './storage.ts';

/** A tab's claim to lead. The claim with the later term wins; within a term, the larger id. */
interface Claim {
  readonly term: number;
  readonly id: string;
}

export type Vote =
  | { readonly vote: 'ask' }
  | { readonly vote: 'claim'; readonly claim: Claim }
  | { readonly vote: 'resign'; readonly id: string };

interface Tab {
  /** Sends a vote to all other tabs. */
  readonly send: (vote: Vote) => void;
  /** This tab leads from now on. */
  readonly onLead: () => void;
  /** Another tab leads, from the start or instead of this one. */
  readonly onFollow: () => void;
}

/** After this many calls of `check` without an answer, the leader is gone. */
const mostMissed = 4;

/** A leader that was active recently answers within this time, in ms, even in a hidden tab. */
const answerTime = 2_000;

/** The maximum interval of a leader's heartbeat, in ms: the timers of a hidden tab are slow. */
const heartbeatTime = 70_000;

export class Election {
  readonly #id = Math.random().toString(36).slice(2);
  readonly #heartbeatKey: string;
  readonly #tab: Tab;
  #leader: Claim | undefined;
  #missed = 0;

  /** @param name identifies the election; the same in all tabs. */
  constructor(name: string, tab: Tab) {
    this.#heartbeatKey = `snug.leader.${name}`;
    this.#tab = tab;
  }

  get isLeader(): boolean {
    return this.#leader?.id === this.#id;
  }

  /** Asks which tab leads; this tab leads if none answers. */
  start(): void {
    this.#tab.send({ vote: 'ask' });
    const isRecent = Date.now() - Number(readItem(this.#heartbeatKey)) < heartbeatTime;
    setTimeout(() => this.#claimIfNone(), isRecent ? answerTime : 0);
  }

  /** Call this every few seconds: it replaces a leader that no longer answers. */
  check(): void {
    if (this.#leader === undefined) return;
    if (this.isLeader) writeItem(this.#heartbeatKey, String(Date.now()));
    else if (this.#missed === mostMissed) this.#claim();
    else {
      this.#missed += 1;
      this.#tab.send({ vote: 'ask' });
    }
  }

  /** Hands the lead over to another tab when this one closes. */
  resign(): void {
    if (!this.isLeader) return;
    removeItem(this.#heartbeatKey);
    this.#leader = nobodyAfter(this.#leader);
    this.#tab.send({ vote: 'resign', id: this.#id });
  }

  /** Handles a vote of another tab. */
  receive(vote: Vote): void {
    if (vote.vote === 'ask') this.#announce();
    else if (vote.vote === 'claim') this.#compare(vote.claim);
    else if (vote.id === this.#leader?.id) this.#replaceLeader();
  }

  #compare(claim: Claim): void {
    const current = this.#leader;
    const isSame = current?.id === claim.id && current.term === claim.term;
    if (isSame) this.#missed = 0;
    else if (current === undefined || isBetter(claim, current)) this.#follow(claim);
    else this.#announce();
  }

  #follow(claim: Claim): void {
    this.#leader = claim;
    this.#missed = 0;
    this.#tab.onFollow();
  }

  #replaceLeader(): void {
    this.#leader = nobodyAfter(this.#leader);
    // A random delay, so that not all tabs claim at once.
    setTimeout(() => this.#claimIfNone(), 200 * Math.random());
  }

  #claimIfNone(): void {
    if (this.#leader === undefined || this.#leader.id === '') this.#claim();
  }

  #claim(): void {
    this.#leader = { term: (this.#leader?.term ?? 0) + 1, id: this.#id };
    this.#missed = 0;
    writeItem(this.#heartbeatKey, String(Date.now()));
    this.#announce();
    this.#tab.onLead();
  }

  #announce(): void {
    if (this.isLeader && this.#leader) this.#tab.send({ vote: 'claim', claim: this.#leader });
  }
}

function nobodyAfter(claim: Claim | undefined): Claim {
  return { term: claim?.term ?? 0, id: '' };
}

function isBetter(one: Claim, other: Claim): boolean {
  return one.term === other.term ? one.id > other.id : one.term > other.term;
}
