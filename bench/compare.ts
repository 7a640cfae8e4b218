/** One workload: both servers on a database of their own, gone when all rounds are done. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { sampleAnswers } from './answers.ts';
import type { Bundles } from './bundle.ts';
import { loadGenerator } from './load.ts';
import { measureRounds } from './measure.ts';
import { Random } from './random.ts';
import type { Outcome } from './report.ts';
import { type BenchRequest, makePool, type Workload } from './requests.ts';
import { type Server, startServer } from './server.ts';
import type { Settings } from './settings.ts';

export async function compare(
  workload: Workload,
  { database, bundles, settings }: { database: string; bundles: Bundles; settings: Settings },
): Promise<Outcome> {
  const folder = mkdtempSync(join(settings.folder, 'run-'));
  const started: Server[] = [];
  const start = async (args: string[], env = {}) => {
    const server = await startServer(args, env);
    started.push(server);
    return server;
  };
  try {
    const random = new Random(settings.seed);
    const file = join(folder, 'snug.db');
    const pool = prepare(workload, database, file, random);
    const snug = await start([bundles.snug, 'serve'], { DATABASE_URL: file, RATE_LIMIT: 'off' });
    const idle = snug.memory().now;
    const floor = await start([bundles.floor, await writeAnswers(folder, snug, pool)]);
    const load = await loadGenerator(pool, folder);
    const rounds = await measureRounds({ floor, snug }, load, settings, random);
    const { now: after, peak } = snug.memory();
    return { title: workload.title, load: load.name, rounds, memory: { idle, after, peak } };
  } finally {
    for (const server of started) await server.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Copies the database, makes its sessions new, and draws the requests to be made. */
function prepare(workload: Workload, database: string, file: string, random: Random) {
  copyFileSync(database, file);
  const sqlite = new Database(file);
  // A session that has run out is refused, and one that was not seen for an hour is written to.
  sqlite.prepare('update sessions set created_at = :now, last_seen_at = :now').run({
    now: Date.now(),
  });
  const pool = makePool(workload, sqlite, random);
  sqlite.close();
  return pool;
}

async function writeAnswers(folder: string, snug: Server, pool: readonly BenchRequest[]) {
  const file = join(folder, 'answers.json');
  writeFileSync(file, JSON.stringify(await sampleAnswers(snug.url, pool)));
  return file;
}
