import type { Database, Statement } from 'better-sqlite3';
import { asc, gt } from 'drizzle-orm';
import { type Params, rows, type Snapshot } from '../query/query.ts';
import { events } from '../query/tables.ts';
import type { EventRow } from '../unit-of-work.ts';

/** What other processes have committed since the last check. */
export interface ExternalChanges {
  readonly version: unknown;
  /** Can be empty: not every change is an event. */
  readonly events: readonly EventRow[];
}

const listEventsAfter = rows((orm, p: Params<{ id: number }>) =>
  orm.select().from(events).where(gt(events.id, p.id)).orderBy(asc(events.id)),
);

/** How far the file has got, as one connection sees it; checking takes microseconds. */
export class LogPosition {
  readonly #version: Statement;
  readonly #newestId: Statement;

  constructor(sqlite: Database) {
    this.#version = sqlite.prepare('PRAGMA data_version').pluck();
    this.#newestId = sqlite.prepare('SELECT max(id) FROM events').pluck();
  }

  /** Changes exactly when another connection has committed. */
  get version(): unknown {
    return this.#version.get();
  }

  /** The id of the newest event; 0 if there is none. */
  get newestId(): number {
    return (this.#newestId.get() as number | null) ?? 0;
  }
}

/** Notices what other processes, such as operator commands, commit to the file. */
export class ExternalWrites {
  readonly #log: LogPosition;
  #seen: unknown;
  /** The id of the newest event that this process has seen. */
  #position: number;

  /** @param sqlite the only connection that this process writes with. */
  constructor(sqlite: Database) {
    this.#log = new LogPosition(sqlite);
    this.#seen = this.#log.version;
    this.#position = this.#log.newestId;
  }

  /** Whether another process has committed since the last `catchUp`. */
  get exist(): boolean {
    return this.#log.version !== this.#seen;
  }

  /** What others have committed. Call it inside a transaction, when nobody else can commit. */
  async read(snapshot: Snapshot): Promise<ExternalChanges | undefined> {
    const { version } = this.#log;
    if (version === this.#seen) return undefined;
    return { version, events: await listEventsAfter(snapshot, { id: this.#position }) };
  }

  /** Notes that all of this has been seen: first what others have committed, then this process. */
  markSeen(changes: ExternalChanges | undefined, own: readonly EventRow[]): void {
    if (changes !== undefined) this.#seen = changes.version;
    this.#position = own.at(-1)?.id ?? changes?.events.at(-1)?.id ?? this.#position;
  }
}
