import { dirname } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Refusal, type RefusalCode } from '../errors.ts';
import { Cache } from './cache/cache.ts';
import type { CachedBatchQuery, CachedQuery, QueryCache } from './cache/cached-query.ts';
import type { Change } from './cache/change-log.ts';
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

/** How often to try to truncate the WAL while another process reads it, and the pause in ms. */
const checkpointTries = 20;
const checkpointPause = 50;

export interface StoreOptions {
  /** The size of the cache in bytes; 0 turns it off. */
  readonly cacheBytes: number;
  /** Whether the disk was full when the file was opened. */
  readonly isFull?: boolean;
  /** Whether the file was created when it was opened. */
  readonly isNew?: boolean;
}

/** The database, as the rest of the program sees it: one way to write, one way to read. */
export class Store implements QueryCache {
  readonly #writer: Writer;
  readonly #release: () => void;
  readonly #committer: GroupCommit;
  readonly #reads: Reader;
  readonly #cache: Cache;
  readonly #listeners = new Set<Listener>();
  #onFailure: (error: unknown) => void = () => undefined;
  /** The last problem found with the file. */
  #fault: RefusalCode | undefined;
  readonly #damage: DamageCheck;
  #failed = false;
  #hasChecked = false;
  #closed = false;
  #newestEventId: number;
  /** Whether the file was created when it was opened. */
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
   * Resolves when the store can write. The writer thread starts while the rest of the program does.
   *
   * @throws WriterNotStarted if the thread cannot start, or the error that prevents it from opening
   *   the file.
   */
  ready(): Promise<void> {
    return this.#writer.ready();
  }

  /**
   * Runs a mutation as one unit of work and resolves with its result once it is on disk.
   *
   * @throws Refusal from the mutation; `busy` if too many mutations wait or another program holds
   *   the file, `disk_full`, `read_only`, `storage_failed`, `stopping`.
   */
  async write<Input, Result>(mutation: Mutation<Input, Result>, input: Input): Promise<Result> {
    this.#assertUsable();
    try {
      return await this.#committer.write(mutation, input);
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
    query: CachedQuery<Input, Value>,
    input: Input,
  ): Value | Promise<Value> {
    this.#assertUsable();
    this.#checkExternalWrites();
    const key = query.key(input);
    const value = this.#cache.get(query, key);
    if (value !== undefined) return value;
    return this.#cache.load(query, key, () => this.read(query.read, input));
  }

  cachedMany<Input, Value extends object | undefined>(
    query: CachedBatchQuery<Input, Value>,
    inputs: readonly Input[],
  ): readonly Value[] | Promise<readonly Value[]> {
    this.#assertUsable();
    this.#checkExternalWrites();
    return this.#cache.getMany(query, inputs, (missing) => this.read(query.readMany, missing));
  }

  /** The id of the newest event published here, which every later read sees; 0 if there is none. */
  get newestEventId(): number {
    return this.#newestEventId;
  }

  /** The last problem found with the file, if any. */
  get fault(): RefusalCode | undefined {
    return this.#fault;
  }

  isCurrent(value: object): boolean {
    return this.#cache.isCurrent(value);
  }

  get changes(): number {
    return this.#cache.changes;
  }

  changesSince(count: number): readonly Change[] | undefined {
    return this.#cache.changesSince(count);
  }

  /** How many bytes can still be written to the file's disk; Infinity where that is unknown. */
  get freeSpace(): number {
    try {
      return freeSpace(dirname(this.#reads.file));
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }

  /** Removes one value from the cache, after a change that no event describes. */
  evict<Input>(query: CachedQuery<Input, unknown>, input: Input): void {
    this.#cache.evict(query, query.key(input));
  }

  /** Empties the cache. */
  clearCache(): void {
    this.#cache.clear();
  }

  /**
   * Checks whether the file is sound and can be written, as far as is known. After a failed write
   * it tries a write itself, and after a failed read it reads the whole file.
   *
   * @throws Refusal `disk_full`, `read_only` or `damaged`, and those of `write`.
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
   * Calls `listener` with the events of each commit, before its writes are acknowledged. It is also
   * called for what other processes have committed: then `origin` is `external`, and they may have
   * changed more than the events say.
   */
  onCommit(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** Calls `listener` once if the file or its disk fails for good; nothing is stored after that. */
  onFailure(listener: (error: unknown) => void): void {
    this.#onFailure = listener;
  }

  /** Publishes at once what other processes have committed, if anything. */
  async catchUp(): Promise<void> {
    if (!this.#closed && !this.#failed) await this.#committer.catchUp();
  }

  /**
   * Moves the WAL into the file and truncates it, so that deleted data is overwritten there too.
   * Takes as long as writing and syncing the contents of the WAL; writes wait only for its end.
   *
   * @throws Error if another process keeps reading the file.
   */
  async checkpoint(): Promise<void> {
    for (let tries = 1; !(await this.#truncateWal(tries === checkpointTries)); tries++) {
      await sleep(checkpointPause);
    }
  }

  /** Truncates the WAL; returns whether that is done. On the last try it throws instead. */
  async #truncateWal(isLast: boolean): Promise<boolean> {
    // Mutations and queries await only the database: at the start of a turn, none is under way.
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
   * Finishes the waiting work, moves the WAL into the file, and closes the file.
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
   * Drops cached values that another process may have changed. Checks once per turn of the event
   * loop, so a request sees whatever was committed before it was sent.
   */
  #checkExternalWrites(): void {
    if (this.#hasChecked) return;
    this.#hasChecked = true;
    setImmediate(() => {
      this.#hasChecked = false;
    });
    if (!this.#writer.hasExternalWrites) return;
    this.#reads.renew();
    this.#cache.clear();
  }

  #assertUsable(): void {
    if (this.#failed) throw new Refusal('storage_failed');
    if (this.#closed) throw new Refusal('stopping');
  }

  /** Notes what an error says about the file; returns the error for the caller. */
  #classify(error: unknown): unknown {
    const fault = classify(error);
    if (fault === 'storage_failed') this.#fail(error);
    else if (fault === 'damaged') this.#damage.suspect();
    else if (fault !== undefined && fault !== 'busy') this.#fault = fault;
    // The details of the damage are for the log only.
    return fault === undefined || fault === 'damaged' ? error : new Refusal(fault);
  }

  /**
   * Stores nothing more. After a failed fsync nobody knows what is on disk, and a second one would
   * only seem to succeed: https://www.usenix.org/conference/atc20/presentation/rebello.
   */
  async #fail(error: unknown): Promise<void> {
    if (this.#failed) return;
    this.#failed = true;
    await nextTurn();
    try {
      // Wherever the file is now, acknowledged writes belong in it.
      if (isFileReplaced(error)) await this.#writer.truncateWal();
    } catch {
      // Then they stay in the WAL, which is still in its place.
    }
    this.#onFailure(error);
  }
}
