/** The servers and databases of a trial; all of them are removed when the trial is over. */
import {
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { sampleAnswers } from './answers.ts';
import type { Bundles, Variant } from './bundle.ts';
import { type Filled, findDatabase } from './database.ts';
import { keepFolder, removeFolder } from './processes.ts';
import { Random } from './random.ts';
import { type BenchRequest, makePool, type Workload } from './requests.ts';
import { type Server, type StartOptions, startServer } from './server.ts';
import type { Settings } from './settings.ts';
import { type Place, World } from './world.ts';

export interface SnugOptions extends StartOptions {
  readonly variant?: Variant;
}

export class Lab {
  readonly settings: Settings;
  readonly random: Random;
  readonly #bundles: Bundles;
  /** For all files that a trial writes. */
  readonly folder: string;
  #started: Server[] = [];
  #files = 0;

  constructor(settings: Settings, bundles: Bundles) {
    this.settings = settings;
    this.random = new Random(settings.seed);
    this.#bundles = bundles;
    mkdirSync(settings.folder, { recursive: true });
    this.folder = keepFolder(mkdtempSync(join(settings.folder, 'run-')));
  }

  /** The path of a file that does not exist yet. */
  newFile(name: string): string {
    this.#files++;
    return join(this.folder, `${this.#files}-${name}`);
  }

  database(messages = this.settings.messages): Promise<Filled> {
    return findDatabase(this.settings, messages);
  }

  /** Copies a database, and renews its sessions. */
  async copy(messages?: number): Promise<string> {
    const file = this.newFile('snug.db');
    copyFileSync((await this.database(messages)).file, file, constants.COPYFILE_FICLONE);
    this.change(file, (sqlite) => {
      // An expired session is refused, and one not used for an hour causes a write.
      sqlite.prepare('update sessions set created_at = :now, last_seen_at = :now').run({
        now: Date.now(),
      });
    });
    return file;
  }

  /** Opens a database that no server has open, and closes it again. */
  change<Result>(file: string, work: (sqlite: Database.Database) => Result): Result {
    const sqlite = new Database(file);
    try {
      return work(sqlite);
    } finally {
      sqlite.close();
    }
  }

  /** Reads from a database that a server may have open. */
  read<Result>(file: string, work: (sqlite: Database.Database) => Result): Result {
    const sqlite = new Database(file, { readonly: true });
    try {
      return work(sqlite);
    } finally {
      sqlite.close();
    }
  }

  /**
   * Draws the requests of a workload.
   *
   * @param isUsed chooses the memberships to draw from; all of them by default.
   */
  pool(workload: Workload, file: string, isUsed?: (place: Place) => boolean): BenchRequest[] {
    return this.change(file, (sqlite) =>
      makePool(workload, this.random, new World(sqlite, this.random, isUsed)),
    );
  }

  /** Starts Snug on a database. */
  snug(file: string, options: SnugOptions = {}): Promise<Server> {
    const env = { DATABASE_URL: file, RATE_LIMIT: 'off', TEXT_MB_PER_DAY: 'off', ...options.env };
    const bundle = this.#bundles[options.variant ?? 'snug'];
    return this.start([bundle, 'serve'], { ...options, env });
  }

  /** Starts the floor, which repeats the answers of a server. */
  async floor(model: Server, pool: readonly BenchRequest[], options: StartOptions = {}) {
    const file = this.newFile('answers.json');
    writeFileSync(file, JSON.stringify(await sampleAnswers(model.url, pool)));
    return this.start([this.#bundles.floor, file], options);
  }

  /** The path of Snug's program. */
  get program(): string {
    return this.#bundles.snug;
  }

  async start(args: string[], options: StartOptions = {}): Promise<Server> {
    const server = await startServer(args, { folder: this.folder, ...options });
    this.#started.push(server);
    return server;
  }

  /** Stops all servers and removes all files, so that the next workload starts fresh. */
  async clear(): Promise<void> {
    for (const server of this.#started) await server.stop();
    this.#started = [];
    for (const file of readdirSync(this.folder)) rmSync(join(this.folder, file));
  }

  async close(): Promise<void> {
    await this.clear();
    removeFolder(this.folder);
  }
}
