import { dirname } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Refusal, type RefusalCode } from '../errors.ts';
import { Kept } from './cache/cache.ts';
import type { Kind, KindOfMany, Memory } from './cache/cached-query.ts';
import { Verdict } from './file/damage.ts';
import { freeSpace } from './file/disk-space.ts';
import { faultOf, isDisplaced } from './file/sqlite-errors.ts';
import type { Snapshot } from './query/query.ts';
import type { Reader } from './read.ts';
import type { Command, Origin, Told } from './unit-of-work.ts';
import { Committer } from './writer/group-commit.ts';
import { isLogInUse, type Writer } from './writer/sqlite-writer.ts';
import { rewritePage } from './writer/store-mutations.ts';

type Listener = (events: readonly Told[], origin: Origin) => void;

/** How often it is tried to empty the log while somebody reads it, and how long apart, in ms. */
const compactTries = 20;
const compactPause = 50;

export interface StoreOptions {
  /** So much of what was read lately is kept in memory, in bytes; 0 keeps nothing. */
  readonly cacheBytes: number;
  /** Whether the disk was full when it was opened. */
  readonly isFull?: boolean;
  /** Whether it was made then. */
  readonly isNew?: boolean;
}

/** The database as the rest of the program knows it: one way to write, one way to read. */
export class Store implements Memory {
  readonly #writer: Writer;
  readonly #release: () => void;
  readonly #committer: Committer;
  readonly #reads: Reader;
  readonly #kept: Kept;
  readonly #listeners = new Set<Listener>();
  #onFailure: (error: unknown) => void = () => undefined;
  /** What the file was last found to suffer from. */
  #trouble: RefusalCode | undefined;
  readonly #verdict: Verdict;
  #failed = false;
  #hasLooked = false;
  #closed = false;
  /** Whether the file was made when it was opened. */
  readonly isNew: boolean;

  constructor(
    writer: Writer,
    reads: Reader,
    { cacheBytes, isFull = false, isNew = false }: StoreOptions,
    release: () => void,
  ) {
    this.#writer = writer;
    this.#reads = reads;
    this.#release = release;
    this.isNew = isNew;
    if (isFull) this.#trouble = 'disk_full';
    this.#verdict = new Verdict(() => writer.inspect());
    this.#kept = new Kept(cacheBytes);
    const publish = (events: readonly Told[], origin: Origin) => {
      this.#reads.renew();
      if (origin === 'here') this.#kept.take(events);
      else this.#kept.clear();
      for (const listener of this.#listeners) listener(events, origin);
    };
    this.#committer = new Committer(writer, publish, (error) => void this.#explain(error));
  }

  /**
   * Resolves when it can write: the thread that does so starts while the rest of the program does.
   *
   * @throws WriterNotStarted if the thread cannot start, or what keeps it from the file.
   */
  ready(): Promise<void> {
    return this.#writer.ready();
  }

  /**
   * Runs a command as one unit of work and resolves with its result once it is on the disk.
   *
   * @throws Refusal what the command throws; `busy` if too many wait or another program holds the
   *   file, `disk_full`, `read_only`, `storage_failed`, `stopping`.
   */
  async write<Input, Result>(command: Command<Input, Result>, input: Input): Promise<Result> {
    this.#refuseIfOver();
    try {
      return await this.#committer.write(command, input);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** Runs a query on one snapshot of what is committed. */
  async read<Input, Result>(
    query: (snapshot: Snapshot, input: Input) => Promise<Result>,
    input: Input,
  ): Promise<Result> {
    this.#refuseIfOver();
    try {
      return await this.#reads.read(query, input);
    } catch (error) {
      this.#explain(error);
      throw error;
    }
  }

  recall<Input, Value extends object | undefined>(
    kind: Kind<Input, Value>,
    input: Input,
  ): Value | Promise<Value> {
    this.#refuseIfOver();
    this.#heedOthers();
    const key = kind.key(input);
    const kept = this.#kept.find(kind, key);
    if (kept !== undefined) return kept;
    return this.#kept.load(kind, key, () => this.read(kind.read, input));
  }

  recallAll<Input, Value extends object | undefined>(
    kind: KindOfMany<Input, Value>,
    inputs: readonly Input[],
  ): readonly Value[] | Promise<readonly Value[]> {
    this.#refuseIfOver();
    this.#heedOthers();
    return this.#kept.findAll(kind, inputs, (missing) => this.read(kind.readAll, missing));
  }

  /** What the file was last found to suffer from, if anything. */
  get trouble(): RefusalCode | undefined {
    return this.#trouble;
  }

  holds(value: object): boolean {
    return this.#kept.holds(value);
  }

  get changes(): number {
    return this.#kept.changes;
  }

  /** How many bytes may still be written to the disk of the file; Infinity where that is not known. */
  get room(): number {
    try {
      return freeSpace(dirname(this.#reads.file));
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }

  /** Forgets what is kept of one thing, of which no event tells that it has changed. */
  forget<Input>(kind: Kind<Input, unknown>, input: Input): void {
    this.#kept.forget(kind, kind.key(input));
  }

  /** Forgets all that is kept. */
  forgetAll(): void {
    this.#kept.clear();
  }

  /**
   * Tells whether the file is sound and can be written, as far as is known; after a write that
   * failed, it tries one itself, and after a read that failed it reads the whole file.
   *
   * @throws Refusal `disk_full`, `read_only` or `damaged`, beside those of `write`.
   */
  async check(): Promise<void> {
    if (await this.#verdict.isDamaged()) throw new Refusal('damaged');
    if (this.#trouble === undefined) return;
    if (this.#trouble === 'disk_full') await this.#requireRoom();
    await this.write(rewritePage, {});
    this.#trouble = undefined;
  }

  async #requireRoom(): Promise<void> {
    try {
      await this.#writer.requireRoom();
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /**
   * Calls `listener` after each commit, before its writes are acknowledged, with its events. It is
   * called as well for what other processes have committed: then `origin` is `elsewhere`, and what
   * they have changed may be more than the events say.
   */
  onCommit(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** Calls `listener` once if the file or its disk fails for good; nothing is stored from then on. */
  onFailure(listener: (error: unknown) => void): void {
    this.#onFailure = listener;
  }

  /** Tells the listeners at once of what other processes have committed, if they have. */
  async catchUp(): Promise<void> {
    if (!this.#closed && !this.#failed) await this.#committer.catchUp();
  }

  /**
   * Moves the log into the file and empties it, so that what was deleted is overwritten there too.
   * Takes as long as writing and syncing what the log holds; writes wait for the end of it only.
   *
   * @throws Error if another process reads the file for long.
   */
  async compact(): Promise<void> {
    for (let tries = 1; !(await this.#emptyLog(tries === compactTries)); tries++) {
      await sleep(compactPause);
    }
  }

  /** Empties the log; returns whether there is no more to do. On the last try it throws instead. */
  async #emptyLog(isLast: boolean): Promise<boolean> {
    // Commands and queries await nothing but the database: in a new turn none of them is under way.
    await nextTurn();
    if (this.#closed || this.#failed) return true;
    this.#reads.release();
    try {
      await this.#writer.emptyLog();
      return true;
    } catch (error) {
      if (isLogInUse(error) && !isLast) return false;
      throw this.#explain(error);
    }
  }

  /**
   * Finishes what waits, moves the log into the file, and gives the file up.
   *
   * @throws Error if the disk has failed: closing would write to it again.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([this.#committer.idle(), this.#reads.idle()]);
    if (this.#failed) throw new Error('the disk has failed: the file is left as it is');
    this.#reads.close();
    await this.#writer.close();
    this.#release();
  }

  /**
   * Keeps nothing that another process has changed. It is looked once in a turn of the event loop:
   * what a process has committed before a request was sent, the request finds.
   */
  #heedOthers(): void {
    if (this.#hasLooked) return;
    this.#hasLooked = true;
    setImmediate(() => {
      this.#hasLooked = false;
    });
    if (!this.#writer.isBehind) return;
    this.#reads.renew();
    this.#kept.clear();
  }

  #refuseIfOver(): void {
    if (this.#failed) throw new Refusal('storage_failed');
    if (this.#closed) throw new Refusal('stopping');
  }

  /** Notes what an error says of the file; returns what the person who waits is told. */
  #explain(error: unknown): unknown {
    const fault = faultOf(error);
    if (fault === 'storage_failed') this.#fail(error);
    else if (fault === 'damaged') this.#verdict.suspect();
    else if (fault !== undefined && fault !== 'busy') this.#trouble = fault;
    // Where it is damaged is for the log.
    return fault === undefined || fault === 'damaged' ? error : new Refusal(fault);
  }

  /**
   * Stores nothing any more. After a failed fsync nobody knows what is on the disk, and a second
   * one would only seem to succeed: https://www.usenix.org/conference/atc20/presentation/rebello.
   */
  async #fail(error: unknown): Promise<void> {
    if (this.#failed) return;
    this.#failed = true;
    await nextTurn();
    try {
      // Wherever the file is now, what was acknowledged belongs into it.
      if (isDisplaced(error)) await this.#writer.emptyLog();
    } catch {
      // Then it stays in the log, which lies where it was.
    }
    this.#onFailure(error);
  }
}
