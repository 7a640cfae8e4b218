/** The writer in a thread of its own: no reader waits for the disk. Its other end is worker.ts. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import { type Commands, ownCommands } from './commands.ts';
import type { Command, Task } from './commit.ts';
import { WriterGone } from './faults.ts';
import { Progress } from './others.ts';
import { type Errand, type NamedTask, type Packed, type Question, unpack } from './parcel.ts';
import { settle, type Writer, type Written } from './writer.ts';

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
  #writer: Thread | undefined;
  /** Another one of the same, so that nobody's message waits while the log is moved. */
  #mover: Thread | undefined;
  #batches = 0;
  #logWork = Promise.resolve();

  /** @param reader a connection of this thread, to see by it what other processes commit. */
  constructor(program: Program, errand: Errand, reader: Database) {
    this.#program = program;
    this.#errand = errand;
    const all = Object.entries({ ...ownCommands, ...program.commands });
    this.#names = new Map(all.map(([name, command]) => [command, name]));
    this.#log = new LogWatch(reader);
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
      this.#mover ??= new Thread(this.#program.url, 'log', this.#errand);
      await this.#mover.ask({ kind: 'moveLog' });
      // What came meanwhile is little, and while more comes all the time, the log must have an end.
      await this.#ask({ kind: 'moveLog' });
    });
  }

  emptyLog(): Promise<void> {
    return this.#inTurn(async () => void (await this.#ask({ kind: 'emptyLog' })));
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
    await this.#writer?.close();
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
    // Not before it is needed: a server that has nothing to write yet is to answer first.
    this.#writer ??= new Thread(this.#program.url, 'writer', this.#errand);
    return this.#writer.ask(question);
  }
}

/** A thread that runs worker.ts, and answers in the order in which it is asked. */
class Thread {
  readonly #worker: Worker;
  #asked: PromiseWithResolvers<unknown>[] = [];
  #isGone = false;

  constructor(url: URL, name: string, errand: Errand) {
    this.#worker = new Worker(url, { name, workerData: errand });
    this.#worker.on('message', (packed: Packed) => {
      const asked = this.#asked.shift();
      if (asked !== undefined) settle(asked, unpack(packed));
    });
    this.#worker.on('error', (error: Error) => this.#giveUp(error));
    this.#worker.on('exit', () => this.#giveUp());
  }

  async ask(question: Question): Promise<unknown> {
    if (this.#isGone) throw new WriterGone();
    const answer = Promise.withResolvers<unknown>();
    this.#asked.push(answer);
    this.#worker.postMessage(question);
    return answer.promise;
  }

  async close(): Promise<void> {
    const ended = once(this.#worker, 'exit');
    await this.ask({ kind: 'close' });
    await ended;
  }

  /** Nothing that was asked will be answered. */
  #giveUp(cause?: Error): void {
    this.#isGone = true;
    for (const { reject } of this.#asked.splice(0)) reject(new WriterGone(cause));
  }
}

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
