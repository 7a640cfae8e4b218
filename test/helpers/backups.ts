/** Databases to back up and restore, and the contents of folders. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { Test } from 'tap';
import { openStore } from '../../src/db/open.ts';
import { spawnSnug } from './server.ts';
import { tempFolder } from './world.ts';

/** A chat without members, with 10,000 messages: 35 MB. */
const fill = `
  insert into chats (id, title, created_at) values (1, 'archive', 0);
  insert into messages (chat_id, id, sender_id, content, created_at)
    with recursive ids (id) as (select 2 union all select id + 1 from ids where id < 10001)
    select 1, id, 1, hex(randomblob(1500)), 0 from ids;
  insert into events (id, type, at) values (10001, 'message', 0);`;

/** A sound, closed database on which a backup takes a while. */
export async function largeFile(t: Test): Promise<string> {
  const file = await emptyFile(t);
  edit(file, fill);
  return file;
}

/** A migrated database without any data. */
export async function emptyFile(t: Test): Promise<string> {
  const file = join(await tempFolder(t), 'snug.db');
  await openStore(file).close();
  return file;
}

/** A database with one chat, whose title identifies it, and one session. */
export async function namedFile(t: Test, title: string): Promise<string> {
  const file = await emptyFile(t);
  edit(
    file,
    `insert into users (name, name_key, email, email_key, password_hash, role, created_at)
       values ('alice', 'alice', 'a@example.org', 'a@example.org', '', 'admin', 0);
     insert into sessions (user_id, token_hash, device, created_at, last_seen_at)
       values (1, x'00', '', 0, 0);
     insert into events (type, at) values ('chat.created', 0), ('message', 0);
     insert into chats (id, title, created_at) values (1, '${title}', 0);`,
  );
  return file;
}

/** Changes a database from outside, and leaves no WAL. */
export function edit(file: string, text: string): void {
  const sqlite = new Database(file);
  sqlite.exec(text);
  sqlite.close();
}

/** Queries a closed database, and leaves it unchanged. */
export function ask(file: string, query: string): unknown[] {
  const sqlite = new Database(file, { readonly: true });
  try {
    return sqlite.prepare(query).pluck().all();
  } finally {
    sqlite.close();
  }
}

/** Runs a command to its end. */
export async function run(
  t: Test,
  file: string,
  args: readonly string[],
  wrapper: readonly string[] = [],
) {
  const { exited, output, errors } = spawnSnug(t, { args, wrapper, env: { DATABASE_URL: file } });
  const code = await exited;
  return { code, output: output(), errors: errors() };
}

/** Asserts that a command refuses and prints only this. */
export async function refuses(
  t: Test,
  file: string,
  args: readonly string[],
  sentence: string,
  wrapper: readonly string[] = [],
): Promise<void> {
  const { code, errors } = await run(t, file, args, wrapper);
  t.equal(code, 1, sentence);
  t.equal(errors, `snug: ${sentence}\n`);
}

/** The hash of each file in a folder, by name. */
export function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, hash(join(folder, name))]),
  );
}

const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

export const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

/** Resolves with the name of the unfinished backup in a folder, once it has any contents. */
export async function unfinishedIn(folder: string): Promise<string> {
  for (;;) {
    const name = existsSync(folder) && readdirSync(folder).find((name) => name.endsWith('.tmp'));
    if (name && (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0) > 0) {
      return name;
    }
    await sleep(2);
  }
}
