/**
 * One tab of a browser leads all others. The tabs agree on it by what they send each other: the Web
 * Locks that would do are missing over plain http, and a lock stays with a tab that is frozen.
 */
import { readItem, removeItem, writeItem } from './storage.ts';

/** A tab's claim to lead. Of two claims the later term counts, within a term the larger id. */
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
  readonly tell: (vote: Vote) => void;
  /** This tab leads from now on. */
  readonly onLead: () => void;
  /** Another tab leads: from the start, or in place of this one. */
  readonly onFollow: () => void;
}

/** So many calls of `check` without an answer mean that the leader is gone. */
const mostMissed = 4;

/** A leader that was there lately answers within this, in ms; even a hidden tab hears messages. */
const answerTime = 2_000;

/** A leader leaves a sign of life at least this often, in ms: the timers of a hidden tab are slow. */
const signTime = 70_000;

export class Election {
  readonly #id = Math.random().toString(36).slice(2);
  readonly #sign: string;
  readonly #tab: Tab;
  #leader: Claim | undefined;
  #missed = 0;

  /** @param name of what is led, the same in all tabs. */
  constructor(name: string, tab: Tab) {
    this.#sign = `snug.leader.${name}`;
    this.#tab = tab;
  }

  get isLeader(): boolean {
    return this.#leader?.id === this.#id;
  }

  /** Asks who leads; this tab does if nobody answers. */
  start(): void {
    this.#tab.tell({ vote: 'ask' });
    const isRecent = Date.now() - Number(readItem(this.#sign)) < signTime;
    setTimeout(() => this.#claimIfNone(), isRecent ? answerTime : 0);
  }

  /** To be called every few seconds: a leader that does not answer any more is replaced. */
  check(): void {
    if (this.#leader === undefined) return;
    if (this.isLeader) writeItem(this.#sign, String(Date.now()));
    else if (this.#missed === mostMissed) this.#claim();
    else {
      this.#missed += 1;
      this.#tab.tell({ vote: 'ask' });
    }
  }

  /** Leaves the lead to another tab, as this one closes. */
  resign(): void {
    if (!this.isLeader) return;
    removeItem(this.#sign);
    this.#leader = nobodyAfter(this.#leader);
    this.#tab.tell({ vote: 'resign', id: this.#id });
  }

  /** Takes what another tab has sent. */
  hear(vote: Vote): void {
    if (vote.vote === 'ask') this.#announce();
    else if (vote.vote === 'claim') this.#weigh(vote.claim);
    else if (vote.id === this.#leader?.id) this.#miss();
  }

  #weigh(claim: Claim): void {
    const known = this.#leader;
    const isSame = known?.id === claim.id && known.term === claim.term;
    if (isSame) this.#missed = 0;
    else if (known === undefined || isBetter(claim, known)) this.#follow(claim);
    else this.#announce();
  }

  #follow(claim: Claim): void {
    this.#leader = claim;
    this.#missed = 0;
    this.#tab.onFollow();
  }

  #miss(): void {
    this.#leader = nobodyAfter(this.#leader);
    // At random, so that not all tabs claim at once.
    setTimeout(() => this.#claimIfNone(), 200 * Math.random());
  }

  #claimIfNone(): void {
    if (this.#leader === undefined || this.#leader.id === '') this.#claim();
  }

  #claim(): void {
    this.#leader = { term: (this.#leader?.term ?? 0) + 1, id: this.#id };
    this.#missed = 0;
    writeItem(this.#sign, String(Date.now()));
    this.#announce();
    this.#tab.onLead();
  }

  #announce(): void {
    if (this.isLeader && this.#leader) this.#tab.tell({ vote: 'claim', claim: this.#leader });
  }
}

function nobodyAfter(claim: Claim | undefined): Claim {
  return { term: claim?.term ?? 0, id: '' };
}

function isBetter(one: Claim, other: Claim): boolean {
  return one.term === other.term ? one.id > other.id : one.term > other.term;
}
