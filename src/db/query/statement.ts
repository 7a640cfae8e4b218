/**
 * Running what Drizzle has built. Drizzle writes the SQL and knows what the columns mean; its own
 * way of running a prepared statement costs three to five times what SQLite takes for it, for it
 * looks at each column of each row anew. Here that is looked at once, when the statement is made.
 */
import type { Statement as SqliteStatement } from 'better-sqlite3';
import { Column, is, noopDecoder, Param, Placeholder } from 'drizzle-orm';

type Input = Record<string, unknown>;

/** A value on its way into the database or out of it. */
type Convert = (value: unknown) => unknown;

/** Drizzle's prepared query, as far as it is used here; some of it is missing in its types. */
export interface Built {
  readonly stmt: SqliteStatement;
  readonly query: { readonly sql: string; readonly params: readonly unknown[] };
  /** What a row has, in order; undefined where there are no rows. */
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
  /** Runs it; returns its rows. Of a change without `returning` it is one, with the last `rowid`. */
  run(input: Input): Row[];
}

type Row = Record<string, unknown>;

/** Makes a statement of what Drizzle has prepared. */
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

/** Rows are flat: a query names the columns that it wants, not whole tables. */
function nameOf([name, ...rest]: readonly string[]): string {
  if (name === undefined || rest.length > 0) throw new Error('select columns, not tables');
  return name;
}

/** How a column's value is read; undefined where it is what SQLite gives. */
function toConvert(field: Field['field']): Convert | undefined {
  const decoder = 'decoder' in field ? field.decoder : field;
  const { mapFromDriverValue } = decoder;
  const isPlain =
    mapFromDriverValue === Column.prototype.mapFromDriverValue ||
    mapFromDriverValue === noopDecoder.mapFromDriverValue;
  return isPlain ? undefined : (value) => decoder.mapFromDriverValue(value);
}
