import { Refusal } from '../../errors.ts';
import { classify } from '../file/sqlite-errors.ts';
import type { CommittedEvent, Mutation, Origin, Task } from '../unit-of-work.ts';
import { type Outcome, settle, type Writer, type Written } from './sqlite-writer.ts';
import { doNothing } from './store-mutations.ts';

interface Job extends Task {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

type Publish = (events: readonly CommittedEvent[], origin: Origin) => void;

/** Receives errors of work that no caller waits for. */
type OnError = (error: unknown) => void;

/** The most mutations that share one commit, so that none waits for too large a batch. */
const batchLimit = 256;

/**
 * The most mutations that may wait; with more, the server cannot keep up and refuses them as busy.
 */
const queueLimit = 10_000;

/**
 * Group commit. Mutations that arrive within one turn of the event loop, or while a batch is being
 * written, share one transaction: one fsync serves them all, and a mutation that fails does not
 * affect the others.
 */
export class GroupCommit {
  readonly #writer: Writer;
  readonly #publish: Publish;
  readonly #onError: OnError;
  #waiting: Job[] = [];
  #running: Promise<void> | undefined;
  #checkpointing: Promise<void> | undefined;
  #hasFailed = false;

  constructor(writer: Writer, publish: Publish, onError: OnError) {
    this.#writer = writer;
    this.#publish = publish;
    this.#onError = onError;
  }

  /** Resolves with the mutation's result once it is on disk; rejects if none of it is. */
  write<Input, Result>(mutation: Mutation<Input, Result>, input: Input): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= queueLimit) throw new Refusal('busy');
      this.#waiting.push({ mutation, input, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  /** Publishes what other processes have committed, if anything; the next write would do so too. */
  async catchUp(): Promise<void> {
    if (this.#writer.hasExternalWrites) await this.write(doNothing, {});
  }

  /** Resolves when nothing is waiting or under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    await this.#checkpointing;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        // One turn of the event loop, so that mutations that have arrived meanwhile join the batch.
        await new Promise(setImmediate);
        await this.#commit(this.#waiting.splice(0, batchLimit));
      }
    } finally {
      // Jobs that were waiting when a listener failed still run.
      this.#running = this.#waiting.length > 0 ? this.#drain() : undefined;
    }
  }

  async #commit(batch: readonly Job[]): Promise<void> {
    let written: Written;
    try {
      written = await this.#writer.write(batch);
    } catch (error) {
      for (const job of batch) job.reject(error);
      this.#noteFailure(error);
      return;
    }
    // Even if a listener fails, the batch is on disk, and its callers must learn that.
    try {
      this.#publishAll(written);
    } finally {
      batch.forEach((job, index) => void settle(job, written.outcomes[index] as Outcome));
    }
    if (written.isWalLong && !this.#hasFailed) this.#checkpointing ??= this.#checkpoint();
  }

  /** No caller waits for it: their writes are safe in the WAL. */
  async #checkpoint(): Promise<void> {
    try {
      await this.#writer.checkpoint();
    } catch (error) {
      this.#onError(error);
      this.#noteFailure(error);
    }
    this.#checkpointing = undefined;
  }

  /** Once the disk has failed, the waiting jobs are rejected too: they would fare no better. */
  #noteFailure(error: unknown): void {
    if (classify(error) !== 'storage_failed') return;
    this.#hasFailed = true;
    for (const job of this.#waiting.splice(0)) job.reject(error);
  }

  /** In the order of the event log: what others have written came first. */
  #publishAll({ externalEvents, events }: Written): void {
    if (externalEvents !== undefined) this.#publish(externalEvents, 'external');
    this.#publish(events, 'local');
  }
}
