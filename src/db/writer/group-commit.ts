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

/** Hears what goes wrong where nobody waits. */
type OnError = (error: unknown) => void;

/** As many commands share one commit at the most, so that none waits for too long a batch. */
const batchLimit = 256;

/** As many may wait; more than that is a server that cannot keep up, and says so. */
const queueLimit = 10_000;

/**
 * Group commit. Commands that arrive within one turn of the event loop, or while a batch is being
 * written, share one transaction: one fsync serves them all, and one that fails takes nothing with
 * it.
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

  /** Resolves with the command's result after it is on the disk; rejects if nothing of it is. */
  write<Input, Result>(mutation: Mutation<Input, Result>, input: Input): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= queueLimit) throw new Refusal('busy');
      this.#waiting.push({ mutation, input, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  /** Publishes what other processes have committed, if they have; the next write would do so too. */
  async catchUp(): Promise<void> {
    if (this.#writer.hasExternalWrites) await this.write(doNothing, {});
  }

  /** Resolves when nothing waits any more, and nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    await this.#checkpointing;
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
      this.#noteFailure(error);
      return;
    }
    // Whatever becomes of the telling, it is on the disk, and who waits shall know.
    try {
      this.#publishAll(written);
    } finally {
      batch.forEach((job, index) => void settle(job, written.outcomes[index] as Outcome));
    }
    if (written.isWalLong && !this.#hasFailed) this.#checkpointing ??= this.#checkpoint();
  }

  /** Nobody waits for it: what they wrote is safe in the log. */
  async #checkpoint(): Promise<void> {
    try {
      await this.#writer.checkpoint();
    } catch (error) {
      this.#onError(error);
      this.#noteFailure(error);
    }
    this.#checkpointing = undefined;
  }

  /** A disk that has failed is asked nothing more: who waits would fare no better. */
  #noteFailure(error: unknown): void {
    if (classify(error) !== 'storage_failed') return;
    this.#hasFailed = true;
    for (const job of this.#waiting.splice(0)) job.reject(error);
  }

  /** In the order of the log: what others have written was there before. */
  #publishAll({ externalEvents, events }: Written): void {
    if (externalEvents !== undefined) this.#publish(externalEvents, 'external');
    this.#publish(events, 'local');
  }
}
