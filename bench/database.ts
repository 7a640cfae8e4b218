/** The databases for the measurements, each made once for its schema, seed and size. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { openStore } from '../src/db/open.ts';
import { fill } from './fill.ts';
import type { Settings } from './settings.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The sources that determine the contents of the file, besides its seed and its size. */
const makers = [
  'drizzle/*.sql',
  'bench/{fill,random,text,words}.ts',
  'src/event-log/retention.ts',
  'src/search-index/{blocks,search-index,fts-query,words}.ts',
  'src/search-index/vocabulary/vocabulary.ts',
  'src/sessions/tokens.ts',
  'src/users/canonical.ts',
];

/** About how much room a message takes, in bytes. */
const roomPerMessage = 450;

export interface Filled {
  readonly file: string;
  readonly bytes: number;
  /** How long it took to fill. */
  readonly seconds: number;
}

/** Makes the database if it does not exist yet. Work on a copy of it. */
export async function findDatabase(
  settings: Pick<Settings, 'folder' | 'seed'>,
  messages: number,
): Promise<Filled> {
  const file = join(settings.folder, `${fingerprint(messages, settings.seed)}.db`);
  if (!existsSync(file)) await makeDatabase(file, settings, messages);
  const { seconds } = JSON.parse(readFileSync(`${file}.json`, 'utf8'));
  return { file, bytes: statSync(file).size, seconds };
}

/** Whether the database exists already. */
export function hasDatabase({ folder, seed }: Settings, messages: number): boolean {
  return existsSync(join(folder, `${fingerprint(messages, seed)}.db`));
}

async function makeDatabase(
  file: string,
  { folder, seed }: Pick<Settings, 'folder' | 'seed'>,
  messages: number,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  checkRoom(folder, messages);
  console.error(`making a database of ${messages.toLocaleString('en')} messages …`);
  const draft = join(folder, `draft-${process.pid}.db`);
  const started = performance.now();
  await openStore(draft).close();
  fillFile(draft, messages, seed);
  rmSync(`${draft}.lock`, { force: true });
  const seconds = Math.round((performance.now() - started) / 1000);
  writeFileSync(`${file}.json`, JSON.stringify({ seconds }));
  // The rename comes last, so that a file with this name is always complete.
  renameSync(draft, file);
}

function checkRoom(folder: string, messages: number): void {
  const { bavail, bsize } = statfsSync(folder);
  // For the database and a copy: each trial works on copies.
  const wanted = 2 * messages * roomPerMessage;
  if (bavail * bsize > wanted) return;
  throw new Error(
    `${folder} needs ${Math.ceil(wanted / 1e9)} GB of room for a database and a copy.`,
  );
}

function fillFile(file: string, messages: number, seed: number): void {
  const sqlite = new Database(file);
  // An interrupted file is worthless. Without unsafe mode, SQLite would not turn the journal off.
  sqlite.unsafeMode();
  sqlite.pragma('synchronous = OFF');
  sqlite.pragma('journal_mode = OFF');
  sqlite.pragma('cache_size = -1000000');
  fill(sqlite, messages, seed);
  sqlite.pragma('journal_mode = WAL');
  sqlite.close();
}

function fingerprint(messages: number, seed: number): string {
  const hash = createHash('sha256').update(`${messages} ${seed}`);
  for (const file of globSync(makers, { cwd: root }).sort()) {
    hash.update(readFileSync(join(root, file)));
  }
  return `${messages}-${hash.digest('hex').slice(0, 16)}`;
}
