import { dirname } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Refusal, type RefusalCode } from '../errors.ts';
import { Cache } from './cache/cache.ts';
import type { CachedBatchQuery, CachedQuery, QueryCache } from './cache/cached-query.ts';
import { DamageCheck } from './file/damage.ts';
import { freeSpace } from './file/disk-space.ts';
import { classify, isFileReplaced } from './file/sqlite-errors.ts';
import type { Snapshot } from './query/query.ts';
import type { Reader } from './read.ts';
import type { CommittedEvent, Mutation, Origin } from './unit-of-work.ts';
import { GroupCommit } from './writer/group-commit.ts';
import { isWalInUse, type Writer } from './writer/sqlite-writer.ts';
import { rewritePage } from './writer/store-mutations.ts';

type Listener = (events: readonly CommittedEvent[], origin: Origin) => void;

/** How often it is tried to empty the log while somebody reads it, and how long apart, in ms. */
const checkpointTries = 20;
const checkpointPause = 50;

export interface StoreOptions {
  /** So much of what was read lately is kept in memory, in bytes; 0 keeps nothing. */
  readonly cacheBytes: number;
  /** Whether the disk was full when it was opened. */
  readonly isFull?: boolean;
  /** Whether it was made then. */
  readonly isNew?: boolean;
}

/** The database as the rest of the program knows it: one way to write, one way to read. */
export class Store implements QueryCache {
  readonly #writer: Writer;
  readonly #release: () => void;
  readonly #committer: GroupCommit;
  readonly #reads: Reader;
  readonly #cache: Cache;
  readonly #listeners = new Set<Listener>();
  #onFailure: (error: unknown) => void = () => undefined;
  /** What the file was last found to suffer from. */
  #fault: RefusalCode | undefined;
  readonly #damage: DamageCheck;
  #failed = false;
  #hasLooked = false;
  #closed = false;
  #newestEventId: number;
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
    this.#newestEventId = reads.newestEventId;
    if (isFull) this.#fault = 'disk_full';
    this.#damage = new DamageCheck(() => writer.checkIntegrity());
    this.#cache = new Cache(cacheBytes);
    const publish = (events: readonly CommittedEvent[], origin: Origin) => {
      this.#reads.renew();
      this.#newestEventId = events.at(-1)?.id ?? this.#newestEventId;
      if (origin === 'local') this.#cache.invalidate(events);
      else this.#cache.clear();
      for (const listener of this.#listeners) listener(events, origin);
    };
    this.#committer = new GroupCommit(writer, publish, (error) => void this.#classify(error));
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
  async write<Input, Result>(command: Mutation<Input, Result>, input: Input): Promise<Result> {
    this.#assertUsable();
    try {
      return await this.#committer.write(command, input);
    } catch (error) {
      throw this.#classify(error);
    }
  }

  /** Runs a query on one snapshot of what is committed. */
  async read<Input, Result>(
    query: (snapshot: Snapshot, input: Input) => Promise<Result>,
    input: Input,
  ): Promise<Result> {
    this.#assertUsable();
    try {
      return await this.#reads.read(query, input);
    } catch (error) {
      this.#classify(error);
      throw error;
    }
  }

  cached<Input, Value extends object | undefined>(
    kind: CachedQuery<Input, Value>,
    input: Input,
  ): Value | Promise<Value> {
    this.#assertUsable();
    this.#checkExternalWrites();
    const key = kind.key(input);
    const kept = this.#cache.get(kind, key);
    if (kept !== undefined) return kept;
    return this.#cache.load(kind, key, () => this.read(kind.read, input));
  }

  cachedMany<Input, Value extends object | undefined>(
    kind: CachedBatchQuery<Input, Value>,
    inputs: readonly Input[],
  ): readonly Value[] | Promise<readonly Value[]> {
    this.#assertUsable();
    this.#checkExternalWrites();
    return this.#cache.getMany(kind, inputs, (missing) => this.read(kind.readMany, missing));
  }

  /** The newest event that was published here: what is read from now on includes it. 0 if there is none. */
  get newestEventId(): number {
    return this.#newestEventId;
  }

  /** What the file was last found to suffer from, if anything. */
  get fault(): RefusalCode | undefined {
    return this.#fault;
  }

  isCurrent(value: object): boolean {
    return this.#cache.isCurrent(value);
  }

  get changes(): number {
    return this.#cache.changes;
  }

  /** How many bytes may still be written to the disk of the file; Infinity where that is not known. */
  get freeSpace(): number {
    try {
      return freeSpace(dirname(this.#reads.file));
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }

  /** Forgets what is kept of one thing, of which no event tells that it has changed. */
  evict<Input>(kind: CachedQuery<Input, unknown>, input: Input): void {
    this.#cache.evict(kind, kind.key(input));
  }

  /** Forgets all that is kept. */
  clearCache(): void {
    this.#cache.clear();
  }

  /**
   * Tells whether the file is sound and can be written, as far as is known; after a write that
   * failed, it tries one itself, and after a read that failed it reads the whole file.
   *
   * @throws Refusal `disk_full`, `read_only` or `damaged`, beside those of `write`.
   */
  async check(): Promise<void> {
    if (await this.#damage.isDamaged()) throw new Refusal('damaged');
    if (this.#fault === undefined) return;
    if (this.#fault === 'disk_full') await this.#requireSpace();
    await this.write(rewritePage, {});
    this.#fault = undefined;
  }

  async #requireSpace(): Promise<void> {
    try {
      await this.#writer.requireSpace();
    } catch (error) {
      throw this.#classify(error);
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
  async checkpoint(): Promise<void> {
    for (let tries = 1; !(await this.#truncateWal(tries === checkpointTries)); tries++) {
      await sleep(checkpointPause);
    }
  }

  /** Empties the log; returns whether there is no more to do. On the last try it throws instead. */
  async #truncateWal(isLast: boolean): Promise<boolean> {
    // Commands and queries await nothing but the database: in a new turn none of them is under way.
    await nextTurn();
    if (this.#closed || this.#failed) return true;
    this.#reads.release();
    try {
      await this.#writer.truncateWal();
      return true;
    } catch (error) {
      if (isWalInUse(error) && !isLast) return false;
      throw this.#classify(error);
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
  #checkExternalWrites(): void {
    if (this.#hasLooked) return;
    this.#hasLooked = true;
    setImmediate(() => {
      this.#hasLooked = false;
    });
    if (!this.#writer.hasExternalWrites) return;
    this.#reads.renew();
    this.#cache.clear();
  }

  #assertUsable(): void {
    if (this.#failed) throw new Refusal('storage_failed');
    if (this.#closed) throw new Refusal('stopping');
  }

  /** Notes what an error says of the file; returns what the person who waits is told. */
  #classify(error: unknown): unknown {
    const fault = classify(error);
    if (fault === 'storage_failed') this.#fail(error);
    else if (fault === 'damaged') this.#damage.suspect();
    else if (fault !== undefined && fault !== 'busy') this.#fault = fault;
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
      if (isFileReplaced(error)) await this.#writer.truncateWal();
    } catch {
      // Then it stays in the log, which lies where it was.
    }
    this.#onFailure(error);
  }
}
