/** The database that the servers are measured on, made once for a schema, a seed and a size. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { openStore } from '../src/db/open.ts';
import { fill } from './fill.ts';
import type { Settings } from './settings.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What decides what is in the file, beside its seed and its size. */
const makers = ['drizzle/*.sql', 'bench/{fill,random,text,words}.ts'];

/** Returns the file's name; makes it if there is none yet. Work on a copy of it. */
export async function generateDatabase(settings: Settings): Promise<string> {
  const file = join(settings.folder, `${fingerprint(settings)}.db`);
  if (existsSync(file)) return file;
  console.error(`making a database of ${settings.messages} messages …`);
  mkdirSync(settings.folder, { recursive: true });
  const draft = join(settings.folder, `draft-${process.pid}.db`);
  await openStore(draft).close();
  fillFile(draft, settings);
  rmSync(`${draft}.lock`);
  // Last of all: whatever bears the name is whole.
  renameSync(draft, file);
  return file;
}

function fillFile(file: string, { messages, seed }: Settings): void {
  const sqlite = new Database(file);
  // Nothing here is worth keeping if it is interrupted.
  sqlite.pragma('synchronous = OFF');
  sqlite.pragma('journal_mode = OFF');
  sqlite.pragma('cache_size = -1000000');
  fill(sqlite, messages, seed);
  sqlite.pragma('journal_mode = WAL');
  sqlite.close();
}

function fingerprint({ messages, seed }: Settings): string {
  const hash = createHash('sha256').update(`${messages} ${seed}`);
  for (const file of globSync(makers, { cwd: root }).sort()) {
    hash.update(readFileSync(join(root, file)));
  }
  return `${messages}-${hash.digest('hex').slice(0, 16)}`;
}
