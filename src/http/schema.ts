/** What every route's schema is made of. */
import type { TSchemaOptions } from 'typebox';
import * as Type from 'typebox';

/**
 * Adds to a schema the sentence that a person reads when a value does not fit it. `x-` keeps it
 * valid in the OpenAPI document.
 */
export function told(sentence: string): { 'x-error': string } {
  return { 'x-error': sentence };
}

/** An id in canonical decimal, as it stands in a path or a query; 15 digits fit a JS number. */
export function Id(what: string, options: TSchemaOptions = {}) {
  return Type.String({
    pattern: '^[1-9][0-9]{0,14}$',
    examples: ['7'],
    ...told(`The ${what} must be a whole number from 1 on, in plain digits.`),
    ...options,
  });
}

/** An id as it stands in an answer. */
export const WireId = Type.Integer({ minimum: 1, examples: [7] });

/** Larger than every id. */
export const beyondIds = 10 ** 15;

/** ISO 8601 in UTC with milliseconds. */
export const Time = Type.String({ format: 'date-time', examples: ['2026-11-22T08:35:52.123Z'] });

const dayLength = 86_400_000;

/** The day that was written last, as its number since 1970, and as text up to the `T`. */
let lastDay = { number: 0, text: '1970-01-01T' };

/**
 * A time in ms since 1970 as it stands in an answer. The times of a page lie close together: its day
 * is written once, which makes this four times as fast as Date's own way.
 */
export function isoTime(ms: number): string {
  const number = Math.floor(ms / dayLength);
  if (number !== lastDay.number) {
    lastDay = { number, text: new Date(ms).toISOString().slice(0, -'08:35:52.123Z'.length) };
  }
  const rest = ms - number * dayLength;
  const [hours, minutes] = [Math.floor(rest / 3_600_000), Math.floor(rest / 60_000) % 60];
  const [seconds, thousandths] = [Math.floor(rest / 1000) % 60, rest % 1000];
  return `${lastDay.text}${digits(hours, 2)}:${digits(minutes, 2)}:${digits(seconds, 2)}.${digits(thousandths, 3)}Z`;
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, '0');
}

export const Ok = Type.Object({ status: Type.Literal('ok') }, { description: 'It is done.' });

/** Every failure: one sentence that says why it is not done, and what to do. */
export const Failure = Type.Object({
  error: Type.String({ examples: ['There is no such chat.'] }),
});

/** A file of the client, by the name that the build gave it. */
export const AssetParams = Type.Object({
  file: Type.String({
    pattern: '^[\\w-]+\\.[a-z]+$',
    ...told('The name of the file is not one of the client’s.'),
  }),
});

/** An answer that is no JSON of ours: a page, a script, a document made by others. */
export const Anything = Type.Any();

/** The answer of a route that has succeeded. Refusals are answered by one handler for all routes. */
export function answers<Status extends number, Body>(status: Status, body: Body) {
  return { [status]: body } as Record<Status, Body>;
}
