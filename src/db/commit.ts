import type { Database, Statement } from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { Refusal } from '../errors.ts';
import { faultOf } from './faults.ts';
import { type Missed, Others } from './others.ts';
import type { Orm, Snapshot } from './query.ts';
import type { events } from './tables.ts';

export type EventRow = typeof events.$inferSelect;

/** One unit of work: what a command does, it does through this, all of it or nothing. */
export interface Unit extends Snapshot {
  /** When the unit began, in ms since 1970: the one time that all it writes bears. */
  readonly now: number;
  /** What it appended to the event log, told to the others once it is committed. */
  readonly events: EventRow[];
  /** What it leaves to be done with the same of its whole batch, in the same transaction. */
  readonly last: LastStep[];
}

/** It must not fail but by the disk: it would take the batch with it. */
type LastStep = (snapshot: Snapshot) => Promise<void>;

/**
 * A named function of plain data that checks the right, makes the change and appends the event.
 * It awaits nothing but the database: the next command waits for it.
 */
export type Command<Input, Result> = (unit: Unit, input: Input) => Promise<Result>;

interface Job {
  readonly run: (unit: Unit) => Promise<unknown>;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** What became of a job, told to its caller once the whole batch is on the disk. */
interface Outcome extends Pick<Unit, 'events' | 'last'> {
  readonly settle: () => void;
}

/** Who has committed: this process, or another one. */
export type Origin = 'here' | 'elsewhere';

type Publish = (events: readonly EventRow[], origin: Origin) => void;

/** As many commands share one commit at the most, so that none waits for too long a batch. */
const batchLimit = 256;

/** As many may wait; more than that is a server that cannot keep up, and says so. */
const queueLimit = 10_000;

/**
 * Group commit. Commands that arrive within one turn of the event loop share one transaction, each
 * in a savepoint of its own: one fsync serves them all, and one that fails takes nothing with it.
 */
export class Committer {
  readonly #sqlite: Database;
  readonly #orm: Orm;
  readonly #clock: () => number;
  readonly #check: () => void;
  readonly #others: Others;
  readonly #publish: Publish;
  readonly #statements: Record<'begin' | 'commit' | 'savepoint' | 'release' | 'undo', Statement>;
  #waiting: Job[] = [];
  #running: Promise<void> | undefined;

  /** @param check is called before each commit, and prevents it by throwing. */
  constructor(sqlite: Database, clock: () => number, check: () => void, publish: Publish) {
    this.#sqlite = sqlite;
    this.#orm = drizzle(sqlite);
    this.#clock = clock;
    this.#check = check;
    this.#others = new Others(sqlite);
    this.#publish = publish;
    this.#statements = {
      begin: sqlite.prepare('BEGIN IMMEDIATE'),
      commit: sqlite.prepare('COMMIT'),
      savepoint: sqlite.prepare('SAVEPOINT command'),
      release: sqlite.prepare('RELEASE command'),
      undo: sqlite.prepare('ROLLBACK TO command'),
    };
  }

  /** Resolves with the command's result after it is on the disk; rejects if nothing of it is. */
  write<Input, Result>(command: Command<Input, Result>, input: Input): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= queueLimit) throw new Refusal('busy');
      this.#waiting.push({ run: (unit) => command(unit, input), resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  /** Whether another process has committed what is not published yet. */
  get isBehind(): boolean {
    return this.#others.areAhead;
  }

  /** Publishes what other processes have committed, if they have; the next write would do so too. */
  async catchUp(): Promise<void> {
    if (this.isBehind) await this.write(async () => undefined, {});
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        // One turn of the event loop, so that whatever has arrived meanwhile joins the batch.
        await new Promise(setImmediate);
        await this.#commit(this.#waiting.splice(0, batchLimit));
      }
    } finally {
      // What waited while a listener failed goes on all the same.
      this.#running = this.#waiting.length > 0 ? this.#drain() : undefined;
    }
  }

  async #commit(batch: readonly Job[]): Promise<void> {
    const outcomes: Outcome[] = [];
    let missed: Missed | undefined;
    try {
      this.#statements.begin.run();
      missed = await this.#others.missed({ orm: this.#orm });
      for (const job of batch) outcomes.push(await this.#attempt(job));
      for (const { last } of outcomes) for (const step of last) await step({ orm: this.#orm });
      this.#check();
      this.#statements.commit.run();
    } catch (error) {
      if (this.#sqlite.inTransaction) this.#sqlite.exec('ROLLBACK');
      // A disk that has failed is not asked again: who comes next would fare no better.
      const isLast = faultOf(error) === 'storage_failed';
      for (const job of isLast ? [...batch, ...this.#waiting.splice(0)] : batch) job.reject(error);
      return;
    }
    // Whatever becomes of the telling, it is on the disk, and who waits shall know.
    try {
      this.#tell(
        missed,
        outcomes.flatMap((outcome) => outcome.events),
      );
    } finally {
      for (const outcome of outcomes) outcome.settle();
    }
  }

  /** In the order of the log: what others have written was there before. */
  #tell(missed: Missed | undefined, own: readonly EventRow[]): void {
    this.#others.catchUp(missed, own);
    if (missed !== undefined) this.#publish(missed.events, 'elsewhere');
    this.#publish(own, 'here');
  }

  async #attempt(job: Job): Promise<Outcome> {
    const unit: Unit = { orm: this.#orm, now: this.#clock(), events: [], last: [] };
    this.#statements.savepoint.run();
    try {
      const result = await job.run(unit);
      this.#statements.release.run();
      return { ...unit, settle: () => job.resolve(result as never) };
    } catch (error) {
      // After some errors, a full disk for one, SQLite has undone the whole transaction already.
      if (!this.#sqlite.inTransaction) throw error;
      this.#statements.undo.run();
      this.#statements.release.run();
      return { events: [], last: [], settle: () => job.reject(error) };
    }
  }
}
