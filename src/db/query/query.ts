import { type Column, type Placeholder, type SQL, sql } from 'drizzle-orm';
import type { Orm } from './orm.ts';
import { type Built, type Statement, toStatement } from './statement.ts';

/** Where a query runs: inside a unit of work, or on a snapshot of what is committed. */
export interface Snapshot {
  readonly orm: Orm;
}

/** The database, for rules that read in several steps, each on a snapshot of its own. */
export interface Reads {
  read<Input, Result>(
    query: (snapshot: Snapshot, input: Input) => Promise<Result>,
    input: Input,
  ): Promise<Result>;
}

/**
 * The parameters of a query: placeholders for the values that each call brings. Drizzle accepts a
 * placeholder in `set` as well, but its types only allow SQL there.
 */
export type Params<Input> = {
  readonly [Name in keyof Input]: Placeholder<string, Input[Name]> & SQL<Input[Name]>;
};

/** The definition of a query: a Drizzle builder whose rows are of this type. */
type Definition<Input, Row> = (orm: Orm, p: Params<Input>) => { prepare(): Prepared<Row[]> };

/** The part of Drizzle's prepared query that gives the type of its rows. */
interface Prepared<Result> {
  execute(input?: Record<string, unknown>): PromiseLike<Result>;
}

/** A statement, prepared at its first use on each connection; call it to run it. */
export interface Query<Input, Result> {
  (snapshot: Snapshot, input: Input): Promise<Result>;
  /** The statement as prepared on this connection, for tests that explain it. */
  on(orm: Orm): Pick<Statement, 'sql' | 'params'>;
}

// biome-ignore lint/suspicious/noExplicitAny: any name is a parameter; the types say which exist.
const placeholders: any = new Proxy({}, { get: (_, name) => sql.placeholder(String(name)) });

/** The rows of a select, or of a change with `returning`. */
export function rows<Input, Row>(define: Definition<Input, Row>): Query<Input, Row[]> {
  return query(define, (found) => found);
}

/** The first row, or undefined if there is none. */
export function row<Input, Row>(define: Definition<Input, Row>): Query<Input, Row | undefined> {
  return query(define, ([first]) => first);
}

/** The one row that a statement always returns, such as an insert with `returning`. */
export function one<Input, Row>(define: Definition<Input, Row>): Query<Input, Row> {
  return query(define, only);
}

/** An insert of one row; returns its id, at half the cost of `returning`. */
export function insert<Input>(
  define: (orm: Orm, p: Params<Input>) => { prepare(): Prepared<unknown> },
): Query<Input, number> {
  return query(define as Definition<Input, { rowid: number }>, (found) => only(found).rowid);
}

/** A change without a result. */
export function exec<Input>(
  define: (orm: Orm, p: Params<Input>) => { prepare(): Prepared<unknown> },
): Query<Input, void> {
  return query(define as Definition<Input, never>, () => undefined);
}

/**
 * Whether an id is one of several, which are passed as a JSON array, because a statement is
 * prepared for a fixed number of parameters.
 */
export function isAmong(id: Column, ids: SQL<string>): SQL {
  return sql`${id} in (select value from json_each(${ids}))`;
}

/** The rows in the order of the requested ids; undefined for an id without a row. */
export function inOrder<Row extends { readonly id: number }>(
  ids: readonly number[],
  found: readonly Row[],
): (Row | undefined)[] {
  const byId = new Map(found.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id));
}

function only<Row>([first]: Row[]): Row {
  if (first === undefined) throw new Error('a statement that always returns a row returned none');
  return first;
}

function query<Input, Row, Result>(
  define: Definition<Input, Row>,
  shape: (found: Row[]) => Result,
): Query<Input, Result> {
  const byConnection = new WeakMap<Orm, Statement>();
  const on = (orm: Orm) => {
    let statement = byConnection.get(orm);
    if (statement === undefined) {
      statement = toStatement(define(orm, placeholders).prepare() as unknown as Built);
      byConnection.set(orm, statement);
    }
    return statement;
  };
  const run = async ({ orm }: Snapshot, input: Input) =>
    shape(on(orm).run(input as Record<string, unknown>) as Row[]);
  return Object.assign(run, { on });
}
