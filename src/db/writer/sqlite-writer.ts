import type { Database, Statement } from 'better-sqlite3';
import { isOutOfSpace, leastSpace, NoSpaceError, requireSpace } from '../file/disk-space.ts';
import { classify } from '../file/sqlite-errors.ts';
import { type Orm, toOrm } from '../query/orm.ts';
import type { CommittedEvent, EventRow, Task, Unit } from '../unit-of-work.ts';
import { type ExternalChanges, ExternalWrites } from './external-writes.ts';
import { Pace } from './pace.ts';

/**
 * The number of pages at which the WAL is moved into the file: 16 MB. A page that changes often is
 * then written to the file once for all of its changes. With SQLite's 1,000, a post took a seventh
 * longer.
 */
const walPageLimit = 4_000;

/** How long truncating waits for readers of the WAL, in ms; writes wait meanwhile. */
const walTimeout = 20;

/** The WAL cannot be truncated now. */
export class WalInUse extends Error {
  readonly code = 'SNUG_LOG_IN_USE';

  constructor() {
    super('the WAL could not be truncated: another process is reading it');
  }
}

/** Whether an error is a WalInUse, also when it comes from another thread. */
export const isWalInUse = (error: unknown) =>
  (error as { code?: unknown } | undefined)?.code === 'SNUG_LOG_IN_USE';

/** Writes batches, in this thread (SqliteWriter) or in a thread of its own (WorkerWriter). */
export interface Writer {
  /** Whether another process has committed changes that no batch has returned yet. */
  readonly hasExternalWrites: boolean;
  /**
   * Resolves when it can write.
   *
   * @throws WriterNotStarted if it cannot start, or the error that prevents it from opening the
   *   file.
   */
  ready(): Promise<void>;
  /** Writes a batch with one commit. Throws if none of the batch could be written. */
  write(batch: readonly Task[]): Promise<Written>;
  /**
   * Moves the WAL into the file, as far as no reader needs its older pages, so that it starts over.
   */
  checkpoint(): Promise<void>;
  /**
   * Moves the WAL into the file and truncates it.
   *
   * @throws Error if another process is reading the file at that moment.
   */
  truncateWal(): Promise<void>;
  /** Makes sure that there is room to write. Throws NoSpaceError. */
  requireSpace(): Promise<void>;
  /** Whether SQLite finds no error in the whole file; takes as long as reading it. */
  checkIntegrity(): Promise<boolean>;
  close(): Promise<void>;
}

/** The result of a batch that is on disk. */
export interface Written {
  /** The outcome of each task, in order. */
  readonly outcomes: readonly Outcome[];
  /** The events that the tasks have appended. */
  readonly events: readonly CommittedEvent[];
  /** The events that other processes had appended before, if they have committed anything. */
  readonly externalEvents: readonly EventRow[] | undefined;
  /** Whether it is time for a checkpoint. */
  readonly isWalLong: boolean;
}

/** A failed task leaves no trace. */
export type Outcome = { readonly result: unknown } | { readonly error: unknown };

/** Settles a caller's promise with the outcome of its task. */
export function settle(
  { resolve, reject }: { resolve(result: unknown): void; reject(error: unknown): void },
  outcome: Outcome,
): void {
  if ('error' in outcome) reject(outcome.error);
  else resolve(outcome.result);
}

interface Attempt extends Pick<Unit, 'events' | 'beforeCommit'> {
  readonly outcome: Outcome;
}

export interface WriterOptions {
  /** The time in ms since 1970, for every date that mutations write. */
  readonly clock: () => number;
  /** Called before each commit; it prevents the commit by throwing. */
  readonly check: () => void;
  /** A monotonic time in ms that limits long work; the process's own by default. */
  readonly ticks?: (() => number) | undefined;
}

/**
 * Writes on a connection of this thread: one transaction per batch. A task has a savepoint only if
 * one of its batch has failed after a change: savepoints take a tenth of a batch's time.
 */
export class SqliteWriter implements Writer {
  readonly #sqlite: Database;
  readonly #orm: Orm;
  readonly #clock: () => number;
  readonly #check: () => void;
  readonly #externalWrites: ExternalWrites;
  readonly #pace: Pace;
  readonly #statements: Record<
    'begin' | 'commit' | 'changes' | 'savepoint' | 'release' | 'undo' | 'walSize' | 'checkpoint',
    Statement
  >;

  constructor(sqlite: Database, { clock, check, ticks }: WriterOptions) {
    this.#pace = new Pace(ticks);
    this.#sqlite = sqlite;
    this.#orm = toOrm(sqlite);
    this.#clock = clock;
    this.#check = check;
    this.#externalWrites = new ExternalWrites(sqlite);
    this.#statements = {
      begin: sqlite.prepare('BEGIN IMMEDIATE'),
      commit: sqlite.prepare('COMMIT'),
      changes: sqlite.prepare('SELECT total_changes()').pluck(),
      savepoint: sqlite.prepare('SAVEPOINT command'),
      release: sqlite.prepare('RELEASE command'),
      undo: sqlite.prepare('ROLLBACK TO command'),
      walSize: sqlite.prepare('PRAGMA wal_checkpoint(NOOP)'),
      checkpoint: sqlite.prepare('PRAGMA wal_checkpoint(PASSIVE)'),
    };
  }

  get hasExternalWrites(): boolean {
    return this.#externalWrites.exist;
  }

  async ready(): Promise<void> {}

  async write(batch: readonly Task[]): Promise<Written> {
    const written = await this.#transact(batch, (task) => this.#attempt(task));
    if (written !== undefined) return written;
    return (await this.#transact(batch, (task) => this.#attemptInSavepoint(task))) as Written;
  }

  /**
   * Runs a batch in one transaction. If a task fails and cannot be undone separately, everything is
   * rolled back and the result is undefined.
   */
  async #transact(
    batch: readonly Task[],
    attemptTask: (task: Task) => Promise<Attempt | undefined>,
  ): Promise<Written | undefined> {
    const attempts: Attempt[] = [];
    let external: ExternalChanges | undefined;
    try {
      this.#statements.begin.run();
      this.#pace.begin();
      external = await this.#externalWrites.read({ orm: this.#orm });
      for (const task of batch) {
        const attempt = await attemptTask(task);
        if (attempt === undefined) {
          this.#sqlite.exec('ROLLBACK');
          return undefined;
        }
        attempts.push(attempt);
      }
      for (const { beforeCommit } of attempts)
        for (const hook of beforeCommit) await hook({ orm: this.#orm });
      this.#check();
      this.#statements.commit.run();
      this.#pace.end();
    } catch (error) {
      if (this.#sqlite.inTransaction) this.#sqlite.exec('ROLLBACK');
      throw this.#explain(error);
    }
    const events = attempts.flatMap((attempt) => attempt.events);
    this.#externalWrites.markSeen(external, events);
    const outcomes = attempts.map(({ outcome }) => outcome);
    return { outcomes, events, externalEvents: external?.events, isWalLong: this.#isWalLong };
  }

  async checkpoint(): Promise<void> {
    this.#checkpoint(() => this.#statements.checkpoint.get());
  }

  async truncateWal(): Promise<void> {
    const timeout = this.#sqlite.pragma('busy_timeout', { simple: true });
    this.#sqlite.pragma(`busy_timeout = ${walTimeout}`);
    try {
      const [{ busy }] = this.#checkpoint(() =>
        this.#sqlite.pragma('wal_checkpoint(TRUNCATE)'),
      ) as [{ busy: number }];
      if (busy !== 0) throw new WalInUse();
    } finally {
      this.#sqlite.pragma(`busy_timeout = ${timeout}`);
    }
  }

  async requireSpace(): Promise<void> {
    requireSpace(this.#sqlite.name, leastSpace);
  }

  async checkIntegrity(): Promise<boolean> {
    try {
      return this.#sqlite.pragma('quick_check(1)', { simple: true }) === 'ok';
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    this.#sqlite.close();
  }

  #checkpoint<Result>(run: () => Result): Result {
    try {
      return run();
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** SQLite reports a used-up quota as a failed disk; this turns it into NoSpaceError. */
  #explain(error: unknown): unknown {
    const file = this.#sqlite.name;
    return classify(error) === 'storage_failed' && isOutOfSpace(error, file)
      ? new NoSpaceError(file, error)
      : error;
  }

  get #isWalLong(): boolean {
    const { log } = this.#statements.walSize.get() as { log: number };
    return log >= walPageLimit;
  }

  /** Runs a task; returns undefined if it has failed after its first change. */
  async #attempt(task: Task): Promise<Attempt | undefined> {
    const before = this.#changes;
    try {
      return await this.#run(task);
    } catch (error) {
      // After some errors, such as a full disk, SQLite has already rolled back the whole
      // transaction.
      if (!this.#sqlite.inTransaction) throw error;
      return this.#changes === before ? this.#failed(error) : undefined;
    }
  }

  async #attemptInSavepoint(task: Task): Promise<Attempt> {
    this.#statements.savepoint.run();
    try {
      const attempt = await this.#run(task);
      this.#statements.release.run();
      return attempt;
    } catch (error) {
      if (!this.#sqlite.inTransaction) throw error;
      this.#statements.undo.run();
      this.#statements.release.run();
      return this.#failed(error);
    }
  }

  async #run({ mutation, input }: Task): Promise<Attempt> {
    const hasTime = () => this.#pace.hasTime();
    const now = this.#clock();
    const unit: Unit = { orm: this.#orm, now, events: [], beforeCommit: [], hasTime };
    const result = await mutation(unit, input);
    return { ...unit, outcome: { result } };
  }

  #failed(error: unknown): Attempt {
    return { events: [], beforeCommit: [], outcome: { error: this.#explain(error) } };
  }

  /** How many rows this connection has changed. */
  get #changes(): number {
    return this.#statements.changes.get() as number;
  }
}
