import { Refusal } from '../errors.ts';
import { doNothing } from './commands.ts';
import { faultOf } from './faults.ts';
import type { Snapshot } from './query.ts';
import type { events, messages } from './tables.ts';
import { type Outcome, settle, type Writer, type Written } from './writer.ts';

export type EventRow = typeof events.$inferSelect;

/** An event as it is told after its commit. */
export interface Told extends EventRow {
  /** The message that it announces, so that nobody has to read it; the log itself holds no texts. */
  readonly news?: News;
}

export interface News {
  readonly message: typeof messages.$inferSelect;
  /** How many messages its chat has had with it. */
  readonly posted: number;
}

/** One unit of work: what a command does, it does through this, all of it or nothing. */
export interface Unit extends Snapshot {
  /** When the unit began, in ms since 1970: the one time that all it writes bears. */
  readonly now: number;
  /** What it appended to the event log, told to the others once it is committed. */
  readonly events: Told[];
  /** What it leaves to be done with the same of its whole batch, in the same transaction. */
  readonly last: LastStep[];
  /** Whether long work may go on in this unit; false once others have waited long enough. */
  hasTime(): boolean;
}

/** It must not fail but by the disk: it would take the batch with it. */
type LastStep = (snapshot: Snapshot) => Promise<void>;

/**
 * A named function of plain data that checks the right, makes the change and appends the event.
 * It awaits nothing but the database: the next command waits for it. What it takes and gives may
 * pass from thread to thread, so it is what structuredClone can copy.
 */
export type Command<Input, Result> = (unit: Unit, input: Input) => Promise<Result>;

/** A command and what it is given. */
export interface Task {
  // biome-ignore lint/suspicious/noExplicitAny: each has an input of its own type.
  readonly command: Command<any, unknown>;
  readonly input: unknown;
}

interface Job extends Task {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Who has committed: this process, or another one. */
export type Origin = 'here' | 'elsewhere';

type Publish = (events: readonly Told[], origin: Origin) => void;

/** Hears what goes wrong where nobody waits. */
type Complain = (error: unknown) => void;

/** As many commands share one commit at the most, so that none waits for too long a batch. */
const batchLimit = 256;

/** As many may wait; more than that is a server that cannot keep up, and says so. */
const queueLimit = 10_000;

/**
 * Group commit. Commands that arrive within one turn of the event loop, or while a batch is being
 * written, share one transaction: one fsync serves them all, and one that fails takes nothing with
 * it.
 */
export class Committer {
  readonly #writer: Writer;
  readonly #publish: Publish;
  readonly #complain: Complain;
  #waiting: Job[] = [];
  #running: Promise<void> | undefined;
  #moving: Promise<void> | undefined;
  #hasFailed = false;

  constructor(writer: Writer, publish: Publish, complain: Complain) {
    this.#writer = writer;
    this.#publish = publish;
    this.#complain = complain;
  }

  /** Resolves with the command's result after it is on the disk; rejects if nothing of it is. */
  write<Input, Result>(command: Command<Input, Result>, input: Input): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= queueLimit) throw new Refusal('busy');
      this.#waiting.push({ command, input, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  /** Publishes what other processes have committed, if they have; the next write would do so too. */
  async catchUp(): Promise<void> {
    if (this.#writer.isBehind) await this.write(doNothing, {});
  }

  /** Resolves when nothing waits any more, and nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    await this.#moving;
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
    let written: Written;
    try {
      written = await this.#writer.write(batch);
    } catch (error) {
      for (const job of batch) job.reject(error);
      this.#heed(error);
      return;
    }
    // Whatever becomes of the telling, it is on the disk, and who waits shall know.
    try {
      this.#tell(written);
    } finally {
      batch.forEach((job, index) => void settle(job, written.outcomes[index] as Outcome));
    }
    if (written.isLogLong && !this.#hasFailed) this.#moving ??= this.#moveLog();
  }

  /** Nobody waits for it: what they wrote is safe in the log. */
  async #moveLog(): Promise<void> {
    try {
      await this.#writer.moveLog();
    } catch (error) {
      this.#complain(error);
      this.#heed(error);
    }
    this.#moving = undefined;
  }

  /** A disk that has failed is asked nothing more: who waits would fare no better. */
  #heed(error: unknown): void {
    if (faultOf(error) !== 'storage_failed') return;
    this.#hasFailed = true;
    for (const job of this.#waiting.splice(0)) job.reject(error);
  }

  /** In the order of the log: what others have written was there before. */
  #tell({ missed, events }: Written): void {
    if (missed !== undefined) this.#publish(missed, 'elsewhere');
    this.#publish(events, 'here');
  }
}
