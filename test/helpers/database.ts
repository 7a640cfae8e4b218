/** The database layer without a server, and a second connection to its file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Test } from 'tap';
import { openStore } from '../../src/db/open.ts';
import type { Store } from '../../src/db/store.ts';
import type { Mutation, Unit } from '../../src/db/unit-of-work.ts';
import { tempFolder } from './world.ts';

/** A connection as another program would have it; it never waits for a lock. */
export function outside(t: Test, file: string): Database.Database {
  const connection = new Database(file, { timeout: 0 });
  t.teardown(() => connection.close());
  return connection;
}

/** A store on a new, migrated file. */
export async function startStore(t: Test): Promise<{ db: Store; file: string }> {
  const file = join(await tempFolder(t), 'snug.db');
  const db = openStore(file);
  t.teardown(() => db.close());
  return { db, file };
}

/** How many commits the write-ahead log holds: https://sqlite.org/fileformat2.html#walformat. */
export function countCommits(file: string): number {
  const log = readFileSync(`${file}-wal`);
  if (log.length === 0) return 0;
  const frame = 24 + log.readUInt32BE(8);
  let commits = 0;
  for (let at = 32; at + frame <= log.length; at += frame) {
    const isCommit = log.readUInt32BE(at + 4) > 0;
    const isOfThisLog = log.readUInt32BE(at + 8) === log.readUInt32BE(16);
    if (isCommit && isOfThisLog) commits++;
  }
  return commits;
}

/** A promise that waits until it is opened. */
export function gate(): { opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** Runs a mutation with no time left: it does one step of its long work, as on a slow machine. */
export const hurried =
  <Input, Result>(command: Mutation<Input, Result>): Mutation<Input, Result> =>
  (unit: Unit, input: Input) =>
    command({ ...unit, hasTime: () => false }, input);
