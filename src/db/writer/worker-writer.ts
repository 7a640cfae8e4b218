/** The writer in a thread of its own: no reader waits for the disk. Its other end is worker.ts. */
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

/** To empty a log of this size in the writer's thread would be felt, in bytes. */
const longWal = 2 * 1024 * 1024;

/** What runs in the thread. */
export interface Program {
  /** A module that calls `runWriter` with these commands. */
  readonly url: URL;
  readonly mutations: Mutations;
}

/** What a batch comes back as. */
type SerializedBatch = Omit<Written, 'outcomes'> & {
  readonly outcomes: readonly SerializedOutcome[];
};

export class WorkerWriter implements Writer {
  readonly #program: Program;
  readonly #workerData: WorkerData;
  readonly #names: ReadonlyMap<Mutation<never, unknown>, string>;
  readonly #externalWrites: ExternalEvents;
  #writer: Thread;
  /** Another one of the same, so that nobody's message waits while the log is moved. */
  #checkpointer: Thread | undefined;
  #batches = 0;
  #walWork = Promise.resolve();

  /**
   * Starts the thread, and does not wait for it: see `ready`.
   *
   * @param reader a connection of this thread, to see by it what other processes commit.
   */
  constructor(program: Program, workerData: WorkerData, reader: Database) {
    this.#program = program;
    this.#workerData = workerData;
    const all = Object.entries({ ...storeMutations, ...program.mutations });
    this.#names = new Map(all.map(([name, command]) => [command, name]));
    this.#externalWrites = new ExternalEvents(reader);
    this.#writer = this.#start('writer');
  }

  async ready(): Promise<void> {
    await this.#writer.started;
  }

  /** While a batch is under way, that is found out with it. */
  get hasExternalWrites(): boolean {
    return this.#batches === 0 && this.#externalWrites.isAhead;
  }

  async write(batch: readonly Task[]): Promise<Written> {
    const named = batch.map((task) => this.#name(task));
    this.#batches += 1;
    try {
      const written = (await this.#ask({ kind: 'write', batch: named })) as SerializedBatch;
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
      // What came meanwhile is little, and while more comes all the time, the log must have an end.
      await this.#ask({ kind: 'checkpoint' });
    });
  }

  /** Without the second thread, the first one moves all of the log, and writes wait for it. */
  async #checkpointInBackground(): Promise<void> {
    if (this.#checkpointer === undefined || this.#checkpointer.couldNotStart)
      this.#checkpointer = this.#start('log');
    try {
      await this.#checkpointer.ask({ kind: 'checkpoint' });
    } catch (error) {
      if (!this.#checkpointer.couldNotStart) throw error;
    }
  }

  truncateWal(): Promise<void> {
    return this.#inTurn(async () => {
      // Most of it while others write; a thread for a short log would cost more than it saves.
      if (this.#checkpointer !== undefined || this.#isWalLong) await this.#checkpointInBackground();
      await this.#ask({ kind: 'truncateWal' });
    });
  }

  async requireSpace(): Promise<void> {
    await this.#ask({ kind: 'requireSpace' });
  }

  /** In yet another thread: those who write need not wait for it. */
  async checkIntegrity(): Promise<boolean> {
    const inspector = new Thread(this.#program.url, 'inspector', this.#workerData);
    try {
      return (await inspector.ask({ kind: 'checkIntegrity' })) === true;
    } catch {
      // It could not even open the file.
      return false;
    } finally {
      await inspector.close().catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.#checkpointer?.close();
    // The last one to close a file takes its log along.
    await this.#writer.close();
  }

  get #isWalLong(): boolean {
    const log = statSync(`${this.#workerData.file}-wal`, { throwIfNoEntry: false });
    return (log?.size ?? 0) > longWal;
  }

  /** Two that move the log would get in each other's way. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#walWork.then(work);
    this.#walWork = done.catch(() => undefined);
    return done;
  }

  #name({ mutation, input }: Task): NamedTask {
    const name = this.#names.get(mutation);
    if (name === undefined) throw new Error(`${mutation.name} is not among the writer's commands`);
    return { name, input };
  }

  #ask(question: WorkerRequest): Promise<unknown> {
    // It has done nothing yet, so another one may try.
    if (this.#writer.couldNotStart) this.#writer = this.#start('writer');
    return this.#writer.ask(question);
  }

  #start(name: string): Thread {
    return new Thread(this.#program.url, name, this.#workerData);
  }
}

/** A thread that runs worker.ts, and answers in the order in which it is asked. */
class Thread {
  readonly #worker: Worker | undefined;
  /** Its first answer is that it has opened the file. */
  readonly #opened = Promise.withResolvers<unknown>();
  #asked: PromiseWithResolvers<unknown>[] = [this.#opened];
  /** Why nothing is answered any more. */
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
    this.#worker.on('message', (packed: SerializedOutcome) => {
      const asked = this.#asked.shift();
      if (asked !== undefined) settle(asked, deserialize(packed));
    });
    this.#worker.on('error', (error: Error) => this.#giveUp(error));
    this.#worker.on('exit', () => this.#giveUp());
  }

  /**
   * Resolves when the thread has opened the file.
   *
   * @throws WriterNotStarted if it could not start, or what keeps it from the file.
   */
  get started(): Promise<unknown> {
    return this.#opened.promise.catch(() => {
      throw this.#failure;
    });
  }

  /** Whether it has ended before it could do anything, as for want of descriptors or memory. */
  get couldNotStart(): boolean {
    return this.#failure !== undefined && !this.#isOpen && !hasStorageFailed(this.#failure);
  }

  async ask(question: WorkerRequest): Promise<unknown> {
    if (this.#failure !== undefined) throw this.#failure;
    const answer = Promise.withResolvers<unknown>();
    this.#asked.push(answer);
    this.#worker?.postMessage(question);
    return answer.promise;
  }

  async close(): Promise<void> {
    // What could not start, or found no file, has nothing to close.
    if (this.#worker === undefined || (this.#failure !== undefined && !this.#isOpen)) return;
    const ended = once(this.#worker, 'exit');
    await this.ask({ kind: 'close' });
    await ended;
  }

  /** Nothing that was asked will be answered. */
  #giveUp(cause?: Error): void {
    this.#failure ??= this.#explain(cause);
    for (const { reject } of this.#asked.splice(0)) reject(this.#failure);
  }

  /** An error of the file or its disk stays what it is. */
  #explain(cause: Error | undefined): Error {
    if (this.#isOpen) return new WriterGone(cause);
    return cause !== undefined && classify(cause) !== undefined
      ? cause
      : new WriterNotStarted(cause);
  }
}

const hasStorageFailed = (error: Error) => classify(error) === 'storage_failed';

/**
 * Tells by the event log whether other processes have written. To a connection of this thread our
 * own writer is another one too, so that `data_version` alone does not say it.
 */
class ExternalEvents {
  readonly #progress: LogPosition;
  #seen: unknown;
  #position: number;

  constructor(reader: Database) {
    this.#progress = new LogPosition(reader);
    this.#seen = this.#progress.version;
    this.#position = this.#progress.newestId;
  }

  /** Whether there are events that no batch has brought. */
  get isAhead(): boolean {
    const { version } = this.#progress;
    if (version === this.#seen) return false;
    if (this.#progress.newestId > this.#position) return true;
    this.#seen = version;
    return false;
  }

  /** Notes the newest event that a batch has brought, if any. */
  note(id: number | undefined): void {
    this.#position = id ?? this.#position;
  }
}
