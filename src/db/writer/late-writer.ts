import { leastSpace, requireSpace } from '../file/disk-space.ts';
import type { Task } from '../unit-of-work.ts';
import type { Writer, Written } from './sqlite-writer.ts';

/**
 * The writer of a server that was started on a full disk. Each attempt to write checks whether
 * there is room by now; the first one that finds some moves the contents of the WAL into the file,
 * and then writes.
 */
export class LateWriter implements Writer {
  readonly #file: string;
  readonly #make: () => Promise<Writer>;
  #writer: Writer | undefined;
  #ready: Promise<Writer> | undefined;

  /**
   * @param file the database file.
   * @param writer the writer to use, or a function that makes it once there is room.
   */
  constructor(file: string, writer: Writer | (() => Promise<Writer>)) {
    this.#file = file;
    this.#make = typeof writer === 'function' ? writer : async () => writer;
    this.#writer = typeof writer === 'function' ? undefined : writer;
  }

  get hasExternalWrites(): boolean {
    return this.#writer?.hasExternalWrites ?? false;
  }

  /** Immediately: the file can be read, and the first write finds out the rest. */
  async ready(): Promise<void> {}

  async write(batch: readonly Task[]): Promise<Written> {
    return (await this.#open()).write(batch);
  }

  async checkpoint(): Promise<void> {
    await (await this.#open()).checkpoint();
  }

  async truncateWal(): Promise<void> {
    await (await this.#open()).truncateWal();
  }

  async requireSpace(): Promise<void> {
    await (await this.#open()).requireSpace();
  }

  async checkIntegrity(): Promise<boolean> {
    return (await this.#open()).checkIntegrity();
  }

  async close(): Promise<void> {
    await this.#writer?.close();
  }

  /** Throws NoSpaceError. */
  #open(): Promise<Writer> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  async #prepare(): Promise<Writer> {
    requireSpace(this.#file, leastSpace);
    this.#writer ??= await this.#make();
    await this.#writer.checkpoint();
    return this.#writer;
  }
}
