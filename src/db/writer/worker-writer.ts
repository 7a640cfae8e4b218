/**
 * The writer in a thread of its own, so that no reader waits for the disk. worker.ts is its other
 * end.
 */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import { classify, WriterGone, WriterNotStarted } from '../file/sqlite-errors.ts';
import type { Mutation, Task } from '../unit-of-work.ts';
import { LogPosition } from './external-writes.ts';
import {
  deserialize,
  type NamedTask,
  type SerializedOutcome,
  type WorkerData,
  type WorkerRequest,
} from './messages.ts';
import { settle, type Writer, type Written } from './sqlite-writer.ts';
import { type Mutations, storeMutations } from './store-mutations.ts';

/** Truncating a WAL larger than this would noticeably delay writes, in bytes. */
const longWal = 2 * 1024 * 1024;

/** The program of the thread. */
export interface Program {
  /** A module that calls `runWriter` with these mutations. */
  readonly url: URL;
  readonly mutations: Mutations;
}

/** The result of a batch as the thread sends it. */
type SerializedBatch = Omit<Written, 'outcomes'> & {
  readonly outcomes: readonly SerializedOutcome[];
};

export class WorkerWriter implements Writer {
  readonly #program: Program;
  readonly #workerData: WorkerData;
  readonly #names: ReadonlyMap<Mutation<never, unknown>, string>;
  readonly #externalWrites: ExternalEvents;
  #writer: Thread;
  /** A second thread of the same kind, so that no write waits for a checkpoint. */
  #checkpointer: Thread | undefined;
  #batches = 0;
  #walWork = Promise.resolve();

  /**
   * Starts the thread without waiting for it: see `ready`.
   *
   * @param reader a connection of this thread, used to see what other processes commit.
   */
  constructor(program: Program, workerData: WorkerData, reader: Database) {
    this.#program = program;
    this.#workerData = workerData;
    const all = Object.entries({ ...storeMutations, ...program.mutations });
    this.#names = new Map(all.map(([name, mutation]) => [mutation, name]));
    this.#externalWrites = new ExternalEvents(reader);
    this.#writer = this.#start('writer');
  }

  async ready(): Promise<void> {
    await this.#writer.started;
  }

  /** While a batch is under way, its result brings external writes anyway. */
  get hasExternalWrites(): boolean {
    return this.#batches === 0 && this.#externalWrites.isAhead;
  }

  async write(batch: readonly Task[]): Promise<Written> {
    const named = batch.map((task) => this.#name(task));
    this.#batches += 1;
    try {
      const written = (await this.#request({ kind: 'write', batch: named })) as SerializedBatch;
      const { externalEvents, events, outcomes } = written;
      this.#externalWrites.note(events.at(-1)?.id ?? externalEvents?.at(-1)?.id);
      return { ...written, outcomes: outcomes.map(deserialize) };
    } finally {
      this.#batches -= 1;
    }
  }

  checkpoint(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#checkpointInBackground();
      // Little was written meanwhile; and the WAL must be reset even under constant writes.
      await this.#request({ kind: 'checkpoint' });
    });
  }

  /**
   * If the second thread cannot start, the first one moves the whole WAL, and writes wait for it.
   */
  async #checkpointInBackground(): Promise<void> {
    if (this.#checkpointer === undefined || this.#checkpointer.couldNotStart)
      this.#checkpointer = this.#start('checkpointer');
    try {
      await this.#checkpointer.request({ kind: 'checkpoint' });
    } catch (error) {
      if (!this.#checkpointer.couldNotStart) throw error;
    }
  }

  truncateWal(): Promise<void> {
    return this.#inTurn(async () => {
      // Most of it while writes go on; for a short WAL, starting a thread costs more than it saves.
      if (this.#checkpointer !== undefined || this.#isWalLong) await this.#checkpointInBackground();
      await this.#request({ kind: 'truncateWal' });
    });
  }

  async requireSpace(): Promise<void> {
    await this.#request({ kind: 'requireSpace' });
  }

  /** In a third thread, so that writes do not wait for it. */
  async checkIntegrity(): Promise<boolean> {
    const inspector = new Thread(this.#program.url, 'inspector', this.#workerData);
    try {
      return (await inspector.request({ kind: 'checkIntegrity' })) === true;
    } catch {
      // It could not even open the file.
      return false;
    } finally {
      await inspector.close().catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.#checkpointer?.close();
    // Last, because the last connection to close removes the WAL.
    await this.#writer.close();
  }

  get #isWalLong(): boolean {
    const log = statSync(`${this.#workerData.file}-wal`, { throwIfNoEntry: false });
    return (log?.size ?? 0) > longWal;
  }

  /** Runs one checkpoint at a time: two would get in each other's way. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#walWork.then(work);
    this.#walWork = done.catch(() => undefined);
    return done;
  }

  #name({ mutation, input }: Task): NamedTask {
    const name = this.#names.get(mutation);
    if (name === undefined)
      throw new Error(`${mutation.name} is not one of the writer's mutations`);
    return { name, input };
  }

  #request(request: WorkerRequest): Promise<unknown> {
    // It has done nothing yet, so another thread may try.
    if (this.#writer.couldNotStart) this.#writer = this.#start('writer');
    return this.#writer.request(request);
  }

  #start(name: string): Thread {
    return new Thread(this.#program.url, name, this.#workerData);
  }
}

/** A thread that runs worker.ts and answers requests in order. */
class Thread {
  readonly #worker: Worker | undefined;
  /** Its first message says that it has opened the file. */
  readonly #opened = Promise.withResolvers<unknown>();
  #pending: PromiseWithResolvers<unknown>[] = [this.#opened];
  /** Why no more answers will come. */
  #failure: Error | undefined;
  #isOpen = false;

  constructor(url: URL, name: string, workerData: WorkerData) {
    this.#opened.promise.then(
      () => {
        this.#isOpen = true;
      },
      (error: Error) => this.#giveUp(error),
    );
    try {
      this.#worker = new Worker(url, { name, workerData });
    } catch (error) {
      this.#giveUp(error as Error);
      return;
    }
    this.#worker.on('message', (serialized: SerializedOutcome) => {
      const pending = this.#pending.shift();
      if (pending !== undefined) settle(pending, deserialize(serialized));
    });
    this.#worker.on('error', (error: Error) => this.#giveUp(error));
    this.#worker.on('exit', () => this.#giveUp());
  }

  /**
   * Resolves when the thread has opened the file.
   *
   * @throws WriterNotStarted if it could not start, or the error that prevented it from opening the
   *   file.
   */
  get started(): Promise<unknown> {
    return this.#opened.promise.catch(() => {
      throw this.#failure;
    });
  }

  /** Whether it ended before doing anything, for example for want of descriptors or memory. */
  get couldNotStart(): boolean {
    return this.#failure !== undefined && !this.#isOpen && !hasStorageFailed(this.#failure);
  }

  async request(request: WorkerRequest): Promise<unknown> {
    if (this.#failure !== undefined) throw this.#failure;
    const answer = Promise.withResolvers<unknown>();
    this.#pending.push(answer);
    this.#worker?.postMessage(request);
    return answer.promise;
  }

  async close(): Promise<void> {
    // A thread that could not start, or found no file, has nothing to close.
    if (this.#worker === undefined || (this.#failure !== undefined && !this.#isOpen)) return;
    const ended = once(this.#worker, 'exit');
    await this.request({ kind: 'close' });
    await ended;
  }

  /** Rejects all pending requests. */
  #giveUp(cause?: Error): void {
    this.#failure ??= this.#explain(cause);
    for (const { reject } of this.#pending.splice(0)) reject(this.#failure);
  }

  /** An error of the file or its disk is passed on unchanged. */
  #explain(cause: Error | undefined): Error {
    if (this.#isOpen) return new WriterGone(cause);
    return cause !== undefined && classify(cause) !== undefined
      ? cause
      : new WriterNotStarted(cause);
  }
}

const hasStorageFailed = (error: Error) => classify(error) === 'storage_failed';

/**
 * Uses the event log to detect writes by other processes. For a connection of this thread our own
 * writer is another connection too, so `data_version` is not enough.
 */
class ExternalEvents {
  readonly #log: LogPosition;
  #seen: unknown;
  #position: number;

  constructor(reader: Database) {
    this.#log = new LogPosition(reader);
    this.#seen = this.#log.version;
    this.#position = this.#log.newestId;
  }

  /** Whether there are events that no batch has returned. */
  get isAhead(): boolean {
    const { version } = this.#log;
    if (version === this.#seen) return false;
    if (this.#log.newestId > this.#position) return true;
    this.#seen = version;
    return false;
  }

  /** Notes the newest event that a batch has returned, if any. */
  note(id: number | undefined): void {
    this.#position = id ?? this.#position;
  }
}
