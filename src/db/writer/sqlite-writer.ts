import type { Database, Statement } from 'better-sqlite3';
import { isOutOfSpace, leastSpace, NoSpaceError, requireSpace } from '../file/disk-space.ts';
import { classify } from '../file/sqlite-errors.ts';
import { type Orm, toOrm } from '../query/orm.ts';
import type { CommittedEvent, EventRow, Task, Unit } from '../unit-of-work.ts';
import { type ExternalChanges, ExternalWrites } from './external-writes.ts';
import { Pace } from './pace.ts';

/**
 * The log is moved into the file when it has so many pages, 16 MB: a page that changes often is
 * written there once for all that time. With SQLite's 1,000 a post took a seventh longer.
 */
const walPageLimit = 4_000;

/** How long to wait for those who read the log before it is emptied, in ms: writes wait meanwhile. */
const walTimeout = 20;

/** The log cannot be emptied now. */
export class WalInUse extends Error {
  readonly code = 'SNUG_LOG_IN_USE';

  constructor() {
    super('the log could not be emptied: somebody reads it');
  }
}

/** Whether an error is that, also where it comes from another thread. */
export const isWalInUse = (error: unknown) =>
  (error as { code?: unknown } | undefined)?.code === 'SNUG_LOG_IN_USE';

/** Where batches are written: in this thread (below), or in one of its own (thread.ts). */
export interface Writer {
  /** Whether another process has committed what no batch has brought yet. */
  readonly hasExternalWrites: boolean;
  /**
   * Resolves when it can write.
   *
   * @throws WriterNotStarted if it cannot start, or what keeps it from the file.
   */
  ready(): Promise<void>;
  /** Writes a batch with one commit. Throws what keeps all of it from the disk. */
  write(batch: readonly Task[]): Promise<Written>;
  /** Moves the log into the file, as far as nobody reads what was there before, so that it begins anew. */
  checkpoint(): Promise<void>;
  /**
   * Moves the log into the file and empties it.
   *
   * @throws Error if another process reads the file at that moment.
   */
  truncateWal(): Promise<void>;
  /** Makes sure that there is room to write. Throws NoSpaceError. */
  requireSpace(): Promise<void>;
  /** Whether SQLite finds nothing wrong in the whole file; takes as long as reading it. */
  checkIntegrity(): Promise<boolean>;
  close(): Promise<void>;
}

/** What became of a batch that is on the disk. */
export interface Written {
  /** Of each task, in their order. */
  readonly outcomes: readonly Outcome[];
  /** What the tasks have appended to the log. */
  readonly events: readonly CommittedEvent[];
  /** What other processes had appended before, if they have committed anything. */
  readonly externalEvents: readonly EventRow[] | undefined;
  /** Whether it is time to move the log. */
  readonly isWalLong: boolean;
}

/** A task that has failed leaves nothing. */
export type Outcome = { readonly result: unknown } | { readonly error: unknown };

/** Lets who waits for something know what became of it. */
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
  /** The time in ms since 1970, for all that commands date. */
  readonly clock: () => number;
  /** Is called before each commit, and prevents it by throwing. */
  readonly check: () => void;
  /** A time in ms that never steps, by which long work makes way; the process's own by default. */
  readonly ticks?: (() => number) | undefined;
}

/** Writes by a connection of this thread: one transaction for a batch, in it a savepoint for each task. */
export class SqliteWriter implements Writer {
  readonly #sqlite: Database;
  readonly #orm: Orm;
  readonly #clock: () => number;
  readonly #check: () => void;
  readonly #others: ExternalWrites;
  readonly #pace: Pace;
  readonly #statements: Record<
    'begin' | 'commit' | 'savepoint' | 'release' | 'undo' | 'walSize' | 'checkpoint',
    Statement
  >;

  constructor(sqlite: Database, { clock, check, ticks }: WriterOptions) {
    this.#pace = new Pace(ticks);
    this.#sqlite = sqlite;
    this.#orm = toOrm(sqlite);
    this.#clock = clock;
    this.#check = check;
    this.#others = new ExternalWrites(sqlite);
    this.#statements = {
      begin: sqlite.prepare('BEGIN IMMEDIATE'),
      commit: sqlite.prepare('COMMIT'),
      savepoint: sqlite.prepare('SAVEPOINT command'),
      release: sqlite.prepare('RELEASE command'),
      undo: sqlite.prepare('ROLLBACK TO command'),
      walSize: sqlite.prepare('PRAGMA wal_checkpoint(NOOP)'),
      checkpoint: sqlite.prepare('PRAGMA wal_checkpoint(PASSIVE)'),
    };
  }

  get hasExternalWrites(): boolean {
    return this.#others.exist;
  }

  async ready(): Promise<void> {}

  async write(batch: readonly Task[]): Promise<Written> {
    const attempts: Attempt[] = [];
    let missed: ExternalChanges | undefined;
    try {
      this.#statements.begin.run();
      this.#pace.begin();
      missed = await this.#others.read({ orm: this.#orm });
      for (const task of batch) attempts.push(await this.#attempt(task));
      for (const { beforeCommit } of attempts)
        for (const step of beforeCommit) await step({ orm: this.#orm });
      this.#check();
      this.#statements.commit.run();
      this.#pace.end();
    } catch (error) {
      if (this.#sqlite.inTransaction) this.#sqlite.exec('ROLLBACK');
      throw this.#explain(error);
    }
    const events = attempts.flatMap((attempt) => attempt.events);
    this.#others.markSeen(missed, events);
    const outcomes = attempts.map(({ outcome }) => outcome);
    return { outcomes, events, externalEvents: missed?.events, isWalLong: this.#isWalLong };
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

  /** A quota that is used up is no disk that has failed, though SQLite says so. */
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

  async #attempt({ mutation, input }: Task): Promise<Attempt> {
    const hasTime = () => this.#pace.hasTime();
    const unit: Unit = {
      orm: this.#orm,
      now: this.#clock(),
      events: [],
      beforeCommit: [],
      hasTime,
    };
    this.#statements.savepoint.run();
    try {
      const result = await mutation(unit, input);
      this.#statements.release.run();
      return { ...unit, outcome: { result } };
    } catch (error) {
      // After some errors, a full disk for one, SQLite has undone the whole transaction already.
      if (!this.#sqlite.inTransaction) throw error;
      this.#statements.undo.run();
      this.#statements.release.run();
      return { events: [], beforeCommit: [], outcome: { error: this.#explain(error) } };
    }
  }
}
