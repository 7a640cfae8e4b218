import type { Database, Statement } from 'better-sqlite3';
import { asc, gt } from 'drizzle-orm';
import { type Params, rows, type Snapshot } from '../query/query.ts';
import { events } from '../query/tables.ts';
import type { EventRow } from '../unit-of-work.ts';

/** What other processes have committed since it was last looked. */
export interface ExternalChanges {
  readonly version: unknown;
  /** May be none: not every change is an event. */
  readonly events: readonly EventRow[];
}

const listEventsAfter = rows((orm, p: Params<{ id: number }>) =>
  orm.select().from(events).where(gt(events.id, p.id)).orderBy(asc(events.id)),
);

/** How far the file has got, as one connection sees it; to look takes microseconds. */
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

/** Notices what other processes commit to the file, as the operator's commands do. */
export class ExternalWrites {
  readonly #progress: LogPosition;
  #seen: unknown;
  /** The id of the newest event that this process knows of. */
  #position: number;

  /** @param sqlite the connection that this process writes by, and no other. */
  constructor(sqlite: Database) {
    this.#progress = new LogPosition(sqlite);
    this.#seen = this.#progress.version;
    this.#position = this.#progress.newestId;
  }

  /** Whether another process has committed since the last `catchUp`. */
  get exist(): boolean {
    return this.#progress.version !== this.#seen;
  }

  /** What others have committed; to be asked inside a transaction, where nobody else can. */
  async read(snapshot: Snapshot): Promise<ExternalChanges | undefined> {
    const { version } = this.#progress;
    if (version === this.#seen) return undefined;
    return { version, events: await listEventsAfter(snapshot, { id: this.#position }) };
  }

  /** Notes that all this is known now: what others have committed, and then what this process has. */
  markSeen(missed: ExternalChanges | undefined, own: readonly EventRow[]): void {
    if (missed !== undefined) this.#seen = missed.version;
    this.#position = own.at(-1)?.id ?? missed?.events.at(-1)?.id ?? this.#position;
  }
}
