/** The writer in a thread of its own: no reader waits for the disk. Its other end is worker.ts. */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import { faultOf, WriterGone, WriterNotStarted } from '../file/sqlite-errors.ts';
import type { Command, Task } from '../unit-of-work.ts';
import { Progress } from './external-writes.ts';
import { type Errand, type NamedTask, type Packed, type Question, unpack } from './messages.ts';
import { settle, type Writer, type Written } from './sqlite-writer.ts';
import { type Commands, ownCommands } from './store-mutations.ts';

/** To empty a log of this size in the writer's thread would be felt, in bytes. */
const longLog = 2 * 1024 * 1024;

/** What runs in the thread. */
export interface Program {
  /** A module that calls `runWriter` with these commands. */
  readonly url: URL;
  readonly commands: Commands;
}

/** What a batch comes back as. */
type PackedBatch = Omit<Written, 'outcomes'> & { readonly outcomes: readonly Packed[] };

export class ThreadWriter implements Writer {
  readonly #program: Program;
  readonly #errand: Errand;
  readonly #names: ReadonlyMap<Command<never, unknown>, string>;
  readonly #log: LogWatch;
  #writer: Thread;
  /** Another one of the same, so that nobody's message waits while the log is moved. */
  #mover: Thread | undefined;
  #batches = 0;
  #logWork = Promise.resolve();

  /**
   * Starts the thread, and does not wait for it: see `ready`.
   *
   * @param reader a connection of this thread, to see by it what other processes commit.
   */
  constructor(program: Program, errand: Errand, reader: Database) {
    this.#program = program;
    this.#errand = errand;
    const all = Object.entries({ ...ownCommands, ...program.commands });
    this.#names = new Map(all.map(([name, command]) => [command, name]));
    this.#log = new LogWatch(reader);
    this.#writer = this.#start('writer');
  }

  async ready(): Promise<void> {
    await this.#writer.started;
  }

  /** While a batch is under way, that is found out with it. */
  get isBehind(): boolean {
    return this.#batches === 0 && this.#log.isAhead;
  }

  async write(batch: readonly Task[]): Promise<Written> {
    const named = batch.map((task) => this.#name(task));
    this.#batches += 1;
    try {
      const written = (await this.#ask({ kind: 'write', batch: named })) as PackedBatch;
      const { missed, events, outcomes } = written;
      this.#log.note(events.at(-1)?.id ?? missed?.at(-1)?.id);
      return { ...written, outcomes: outcomes.map(unpack) };
    } finally {
      this.#batches -= 1;
    }
  }

  moveLog(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#moveMostOfLog();
      // What came meanwhile is little, and while more comes all the time, the log must have an end.
      await this.#ask({ kind: 'moveLog' });
    });
  }

  /** Without the second thread, the first one moves all of the log, and writes wait for it. */
  async #moveMostOfLog(): Promise<void> {
    if (this.#mover === undefined || this.#mover.couldNotStart) this.#mover = this.#start('log');
    try {
      await this.#mover.ask({ kind: 'moveLog' });
    } catch (error) {
      if (!this.#mover.couldNotStart) throw error;
    }
  }

  emptyLog(): Promise<void> {
    return this.#inTurn(async () => {
      // Most of it while others write; a thread for a short log would cost more than it saves.
      if (this.#mover !== undefined || this.#isLogLong) await this.#moveMostOfLog();
      await this.#ask({ kind: 'emptyLog' });
    });
  }

  async requireRoom(): Promise<void> {
    await this.#ask({ kind: 'requireRoom' });
  }

  /** In yet another thread: those who write need not wait for it. */
  async inspect(): Promise<boolean> {
    const inspector = new Thread(this.#program.url, 'inspector', this.#errand);
    try {
      return (await inspector.ask({ kind: 'inspect' })) === true;
    } catch {
      // It could not even open the file.
      return false;
    } finally {
      await inspector.close().catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.#mover?.close();
    // The last one to close a file takes its log along.
    await this.#writer.close();
  }

  get #isLogLong(): boolean {
    const log = statSync(`${this.#errand.file}-wal`, { throwIfNoEntry: false });
    return (log?.size ?? 0) > longLog;
  }

  /** Two that move the log would get in each other's way. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#logWork.then(work);
    this.#logWork = done.catch(() => undefined);
    return done;
  }

  #name({ command, input }: Task): NamedTask {
    const name = this.#names.get(command);
    if (name === undefined) throw new Error(`${command.name} is not among the writer's commands`);
    return { name, input };
  }

  #ask(question: Question): Promise<unknown> {
    // It has done nothing yet, so another one may try.
    if (this.#writer.couldNotStart) this.#writer = this.#start('writer');
    return this.#writer.ask(question);
  }

  #start(name: string): Thread {
    return new Thread(this.#program.url, name, this.#errand);
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

  constructor(url: URL, name: string, errand: Errand) {
    this.#opened.promise.then(
      () => {
        this.#isOpen = true;
      },
      (error: Error) => this.#giveUp(error),
    );
    try {
      this.#worker = new Worker(url, { name, workerData: errand });
    } catch (error) {
      this.#giveUp(error as Error);
      return;
    }
    this.#worker.on('message', (packed: Packed) => {
      const asked = this.#asked.shift();
      if (asked !== undefined) settle(asked, unpack(packed));
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

  async ask(question: Question): Promise<unknown> {
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
    return cause !== undefined && faultOf(cause) !== undefined
      ? cause
      : new WriterNotStarted(cause);
  }
}

const hasStorageFailed = (error: Error) => faultOf(error) === 'storage_failed';

/**
 * Tells by the event log whether other processes have written. To a connection of this thread our
 * own writer is another one too, so that `data_version` alone does not say it.
 */
class LogWatch {
  readonly #progress: Progress;
  #seen: unknown;
  #position: number;

  constructor(reader: Database) {
    this.#progress = new Progress(reader);
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
