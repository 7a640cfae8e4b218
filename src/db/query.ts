import { type Placeholder, type SQL, sql } from 'drizzle-orm';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';

/** Drizzle on one connection. */
export type Orm = BetterSQLite3Database;

/** Where a query runs: inside a unit of work, or on a snapshot of what is committed. */
export interface Snapshot {
  readonly orm: Orm;
}

/**
 * The parameters of a query, standing for the values that each call brings. Drizzle takes a
 * placeholder in `set` as well, but its types know only SQL there.
 */
export type Params<Input> = {
  readonly [Name in keyof Input]: Placeholder<string, Input[Name]> & SQL<Input[Name]>;
};

interface Prepared<Result> {
  execute(input?: Record<string, unknown>): PromiseLike<Result>;
  getQuery(): { sql: string; params: unknown[] };
}

/** A statement, prepared at its first use on each connection and run by calling it. */
export interface Query<Input, Result> {
  (snapshot: Snapshot, input: Input): Promise<Result>;
  /** The statement as this connection has it, for tests that explain it. */
  on(orm: Orm): Prepared<unknown>;
}

// biome-ignore lint/suspicious/noExplicitAny: any name is a parameter; the types say which exist.
const placeholders: any = new Proxy({}, { get: (_, name) => sql.placeholder(String(name)) });

/** Rows of a select, or of a change with `returning`. */
export function rows<Input, Row>(
  define: (orm: Orm, $: Params<Input>) => { prepare(): Prepared<Row[]> },
): Query<Input, Row[]> {
  return query(define, (result) => result);
}

/** The first row, or undefined where there is none. */
export function row<Input, Row>(
  define: (orm: Orm, $: Params<Input>) => { prepare(): Prepared<Row[]> },
): Query<Input, Row | undefined> {
  return query(define, (result) => result[0]);
}

/** The one row that a statement always answers with, as an insert with `returning` does. */
export function one<Input, Row>(
  define: (orm: Orm, $: Params<Input>) => { prepare(): Prepared<Row[]> },
): Query<Input, Row> {
  return query(define, ([result]) => {
    if (result === undefined) throw new Error('a statement that always answers has not');
    return result;
  });
}

/** A change of which nothing needs to be known. */
export function change<Input>(
  define: (orm: Orm, $: Params<Input>) => { prepare(): Prepared<unknown> },
): Query<Input, void> {
  return query(define, () => undefined);
}

function query<Input, Raw, Result>(
  define: (orm: Orm, $: Params<Input>) => { prepare(): Prepared<Raw> },
  shape: (raw: Raw) => Result,
): Query<Input, Result> {
  const byConnection = new WeakMap<Orm, Prepared<Raw>>();
  const on = (orm: Orm) => {
    let prepared = byConnection.get(orm);
    if (prepared === undefined) {
      prepared = define(orm, placeholders).prepare();
      byConnection.set(orm, prepared);
    }
    return prepared;
  };
  const run = async ({ orm }: Snapshot, input: Input) =>
    shape(await on(orm).execute(input as Record<string, unknown>));
  return Object.assign(run, { on });
}
