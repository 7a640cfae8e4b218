import type { Change } from '../db/cache/cached-query.ts';
import type { Named } from '../users/names.ts';
import type { ChatSummary } from './chat-summary.ts';
import type { Membership } from './own-memberships.ts';

/** An entry of the list. */
export interface Entry {
  readonly chat: ChatSummary;
  readonly membership: Membership;
  /** The other person of a direct chat, whose name is its title. */
  readonly partner: Named | undefined;
}

/**
 * The chats of one user by latest activity, newest first. Replacing an entry takes the same time in
 * a list of twenty and of thousands.
 */
export class SortedChats {
  readonly #userId: number;
  /** No two have the same activity. */
  readonly #entries: Entry[];
  readonly #byChat = new Map<number, Entry>();
  readonly #chatOfPartner = new Map<number, number>();
  /** The number of changes of the cache after which the list was last found to be current. */
  asOf = 0;
  /** The whole list as JSON, once it was requested. */
  body?: Buffer | undefined;

  constructor(userId: number, entries: readonly Entry[]) {
    this.#userId = userId;
    this.#entries = entries.toSorted((one, other) => other.chat.activity - one.chat.activity);
    for (const entry of entries) this.#index(entry);
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** The position of the first chat whose latest activity is older than an event. */
  positionBefore(event: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#activityAt(middle) < event) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The entries of the chats that changes are about, and of the direct chats with their users. */
  touchedBy(changes: readonly Change[]): Entry[] {
    const touched = new Set<Entry>();
    for (const { chatId, userId } of changes) {
      const direct = this.#chatOfPartner.get(userId ?? 0) ?? 0;
      for (const id of [chatId ?? 0, direct]) {
        const entry = this.#byChat.get(id);
        if (entry !== undefined) touched.add(entry);
      }
    }
    return [...touched];
  }

  /** Replaces the entries of these chats; one without a new entry disappears. */
  replace(chatIds: readonly number[], entries: readonly Entry[]): void {
    this.body = undefined;
    for (const id of chatIds) this.#remove(id);
    for (const entry of entries) {
      this.#entries.splice(this.positionBefore(entry.chat.activity), 0, entry);
      this.#index(entry);
    }
  }

  #remove(chatId: number): void {
    const entry = this.#byChat.get(chatId);
    if (entry === undefined) return;
    this.#byChat.delete(chatId);
    this.#entries.splice(this.positionBefore(entry.chat.activity + 1), 1);
  }

  #index(entry: Entry): void {
    const { id, pair } = entry.chat;
    this.#byChat.set(id, entry);
    if (pair !== null) this.#chatOfPartner.set(pair - this.#userId, id);
  }

  #activityAt(position: number): number {
    return (this.#entries[position] as Entry).chat.activity;
  }
}
