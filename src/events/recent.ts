import type { EventRow, Told } from '../db/commit.ts';
import type { Snapshot } from '../db/query.ts';
import { listNewestEvents } from './queries.ts';

/** So many of the newest events are kept, and up to twice as many. */
const limit = 10_000;

type ReadNewest = (input: { limit: number }) => Promise<EventRow[]>;

/** Reads so many of the newest events, in the order of the log. */
export async function readNewest(snapshot: Snapshot, { limit }: { limit: number }) {
  return (await listNewestEvents(snapshot, { limit })).reverse();
}

/**
 * The newest events of the log in memory, some 100 bytes each, so that a stream that resumes costs
 * what concerns its user: to read them all from the file took 30 ms of CPU for each stream. They are
 * read once, when the first stream resumes; from then on the commits bring them.
 */
export class RecentEvents {
  readonly #read: ReadNewest;
  /** In the order of the log, without a gap. */
  #events: EventRow[] = [];
  #loading: Promise<void> | undefined;

  /** @param read as `readNewest`, from the file. */
  constructor(read: ReadNewest) {
    this.#read = read;
  }

  /** Resolves when the events are there. */
  ready(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  /** Takes what a commit has appended to the log. */
  take(events: readonly Told[]): void {
    if (this.#loading === undefined) return;
    // Without the news: the log holds no texts, nor does this.
    for (const { news, ...event } of events) this.#events.push(event);
    if (this.#events.length > 2 * limit) this.#events = this.#events.slice(-limit);
  }

  /** The id of the newest event that is kept; 0 if there is none. */
  get newestId(): number {
    return this.#events.at(-1)?.id ?? 0;
  }

  /** Whether all events after this one are kept. */
  reachesBackTo(id: number): boolean {
    return id >= (this.#events[0]?.id ?? 1) - 1;
  }

  /** The kept events after one, up to another. */
  between(after: number, upTo: number): EventRow[] {
    return this.#events.slice(this.#indexAfter(after), this.#indexAfter(upTo));
  }

  async #load(): Promise<void> {
    this.#events = [];
    const events = await this.#read({ limit });
    // What was committed meanwhile may be in both.
    const last = events.at(-1)?.id ?? 0;
    this.#events = [...events, ...this.#events.filter(({ id }) => id > last)];
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
