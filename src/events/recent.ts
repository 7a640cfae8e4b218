import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Snapshot } from '../db/query/query.ts';
import type { CommittedEvent, EventRow } from '../db/unit-of-work.ts';
import { listEventsBefore } from '../event-log/queries.ts';
import { beyondIds } from '../http/schema.ts';

/** The number of newest events in memory; it may reach twice as many. */
const limit = 10_000;

/** How many events one portion reads; other requests are served between portions. */
const portion = 500;

type ReadBefore = (input: { before: number; limit: number }) => Promise<EventRow[]>;

/** Reads the newest events before an id, at most `limit` of them, in the order of the log. */
export async function readBefore(
  snapshot: Snapshot,
  input: { before: number; limit: number },
): Promise<EventRow[]> {
  return (await listEventsBefore(snapshot, input)).reverse();
}

/**
 * The newest events of the log in memory, some 100 bytes each, so that a resuming stream costs only
 * what concerns its user: reading all of them from the file took 30 ms of CPU for each stream. They
 * are read once, when the first stream resumes; after that, commits add them.
 */
export class RecentEvents {
  readonly #read: ReadBefore;
  /** In the order of the log, without a gap. */
  #events: EventRow[] = [];
  #loading: Promise<void> | undefined;

  /** @param read `readBefore` on the database. */
  constructor(read: ReadBefore) {
    this.#read = read;
  }

  /** Resolves when the events are loaded. */
  ready(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  /** Adds the events of a commit. */
  take(events: readonly CommittedEvent[]): void {
    if (this.#loading === undefined) return;
    // Payloads are dropped: the log holds no texts, and neither does this.
    for (const { payload, ...event } of events) this.#events.push(event);
    if (this.#events.length > 2 * limit) this.#events = this.#events.slice(-limit);
  }

  /** The id of the newest event in memory; 0 if there is none. */
  get newestId(): number {
    return this.#events.at(-1)?.id ?? 0;
  }

  /** Whether all events after this one are in memory. */
  reachesBackTo(id: number): boolean {
    return id >= (this.#events[0]?.id ?? 1) - 1;
  }

  /** The events in memory after one, up to another. */
  between(after: number, upTo: number): EventRow[] {
    return this.#events.slice(this.#indexAfter(after), this.#indexAfter(upTo));
  }

  async #load(): Promise<void> {
    this.#events = [];
    const events = await this.#readAll();
    // Events committed in the meantime may be in both.
    const last = events.at(-1)?.id ?? 0;
    this.#events = [...events, ...this.#events.filter(({ id }) => id > last)];
  }

  async #readAll(): Promise<EventRow[]> {
    const portions: EventRow[][] = [];
    let before = beyondIds;
    while (portions.length < limit / portion) {
      const events = await this.#read({ before, limit: portion });
      portions.unshift(events);
      const [oldest] = events;
      if (oldest === undefined || events.length < portion) break;
      before = oldest.id;
      await nextTurn();
    }
    return portions.flat();
  }

  /** The index of the first event after an id. */
  #indexAfter(id: number): number {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle]?.id ?? 0) > id) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
