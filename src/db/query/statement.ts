/**
 * Runs the statements that Drizzle has built. Drizzle writes the SQL and knows the types of the
 * columns; its own way of running a prepared statement takes three to five times as long as SQLite
 * itself, because it looks at each column of each row again. Here that is done once, when the
 * statement is made.
 */
import type { Statement as SqliteStatement } from 'better-sqlite3';
import { Column, is, noopDecoder, Param, Placeholder } from 'drizzle-orm';

type Input = Record<string, unknown>;

/** Converts a value on its way into the database or out of it. */
type Convert = (value: unknown) => unknown;

/** The part of Drizzle's prepared query that is used here; some of it is missing in its types. */
export interface Built {
  readonly stmt: SqliteStatement;
  readonly query: { readonly sql: string; readonly params: readonly unknown[] };
  /** The columns of a row, in order; undefined if the statement returns no rows. */
  readonly fields?: readonly Field[];
}

interface Field {
  readonly path: readonly string[];
  readonly field: Decoder | { readonly decoder: Decoder };
}

interface Decoder {
  mapFromDriverValue(value: unknown): unknown;
}

/** A statement of one connection, ready to run. */
export interface Statement {
  readonly sql: string;
  readonly params: readonly unknown[];
  /**
   * Runs it and returns its rows. A change without `returning` has one row, with the last `rowid`.
   */
  run(input: Input): Row[];
}

type Row = Record<string, unknown>;

/** Makes a statement from Drizzle's prepared query. */
export function toStatement({ stmt, query, fields }: Built): Statement {
  const values = query.params.map(toValue);
  const bind = (input: Input) => values.map((value) => value(input));
  const change = (input: Input): Row[] => [{ rowid: stmt.run(...bind(input)).lastInsertRowid }];
  if (fields === undefined) return { ...query, run: change };
  const read = rowReader(fields);
  const select = stmt.raw();
  return { ...query, run: (input) => (select.all(...bind(input)) as unknown[][]).map(read) };
}

/** Where the value of a parameter comes from: the input of the call, or the statement itself. */
function toValue(param: unknown): (input: Input) => unknown {
  if (is(param, Placeholder)) return (input) => input[param.name];
  if (!is(param, Param) || !is(param.value, Placeholder)) return () => param;
  const { encoder, value } = param;
  return (input) => encoder.mapToDriverValue(input[value.name]);
}

function rowReader(fields: readonly Field[]): (values: readonly unknown[]) => Row {
  const columns = fields.map(({ path, field }) => ({
    name: nameOf(path),
    convert: toConvert(field),
  }));
  return (values) => {
    const row: Row = {};
    for (let i = 0; i < columns.length; i++) {
      const { name, convert } = columns[i] as (typeof columns)[number];
      const value = values[i];
      row[name] = convert === undefined || value === null ? value : convert(value);
    }
    return row;
  };
}

/** Rows are flat: a query selects columns, not whole tables. */
function nameOf([name, ...rest]: readonly string[]): string {
  if (name === undefined || rest.length > 0) throw new Error('select columns, not tables');
  return name;
}

/** The conversion of a column's value; undefined if SQLite's value is used as it is. */
function toConvert(field: Field['field']): Convert | undefined {
  const decoder = 'decoder' in field ? field.decoder : field;
  const { mapFromDriverValue } = decoder;
  const isPlain =
    mapFromDriverValue === Column.prototype.mapFromDriverValue ||
    mapFromDriverValue === noopDecoder.mapFromDriverValue;
  return isPlain ? undefined : (value) => decoder.mapFromDriverValue(value);
}
