/** Access to the database file without the server. */
import Database from 'better-sqlite3';

type Row = Record<string, unknown>;

/** Every row of every table. */
export function allRows(file: string): Record<string, Row[]> {
  return withFile(file, (sqlite) => {
    const tables = sqlite.prepare("select name from sqlite_schema where type = 'table'").pluck();
    const names = tables.all() as string[];
    return Object.fromEntries(names.map((name) => [name, select(sqlite, name)]));
  });
}

/** The rows of a query. */
export function query(file: string, sql: string, ...values: unknown[]): Row[] {
  return withFile(file, (sqlite) => sqlite.prepare(sql).all(...values) as Row[]);
}

/** Makes a change that needs access to the file. */
export function execute(file: string, sql: string, ...values: unknown[]): void {
  withFile(file, (sqlite) => sqlite.prepare(sql).run(...values));
}

/** The file's problems: rows that refer to nothing, or worse. */
export function damage(file: string): unknown[] {
  return withFile(file, (sqlite) => [
    ...(sqlite.pragma('foreign_key_check') as unknown[]),
    ...select(sqlite, 'pragma_integrity_check').filter((row) => row.integrity_check !== 'ok'),
  ]);
}

function select(sqlite: Database.Database, table: string): Row[] {
  return sqlite.prepare(`select * from "${table}"`).all() as Row[];
}

function withFile<Result>(file: string, use: (sqlite: Database.Database) => Result): Result {
  const sqlite = new Database(file);
  try {
    return use(sqlite);
  } finally {
    sqlite.close();
  }
}

/** The SQL of a table `numbers`, whose column `n` has these numbers. */
export const numbers = (first: number, count: number) =>
  `with recursive numbers(n) as
    (select ${first} union all select n + 1 from numbers where n < ${first + count - 1})`;

interface ManyChats {
  /** The id of the first one; the others follow. */
  readonly first: number;
  readonly count: number;
  /** Their only member, or SQL for it in which `n` is the id of the chat. */
  readonly userId: number | string;
}

/** Adds chats past the server. */
export function addChats(file: string, { first, count, userId }: ManyChats): void {
  execute(
    file,
    `${numbers(first, count)} insert into chats (id, title, created_at, member_count)
      select n, 'Chat ' || n, 0, 1 from numbers`,
  );
  execute(
    file,
    `${numbers(first, count)} insert into memberships (user_id, chat_id, role, joined_at, joined_event)
      select ${userId}, n, 'owner', 0, n from numbers`,
  );
}
