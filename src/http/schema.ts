/** What every route's schema is made of. */
import type { TSchemaOptions } from 'typebox';
import * as Type from 'typebox';

/**
 * Adds to a schema the sentence that a person reads when a value does not fit it. `x-` keeps it
 * valid in the OpenAPI document.
 */
export function errorMessage(sentence: string): { 'x-error': string } {
  return { 'x-error': sentence };
}

/** An id in canonical decimal, as it stands in a path or a query; 15 digits fit a JS number. */
export function Id(what: string, options: TSchemaOptions = {}) {
  return Type.String({
    pattern: '^[1-9][0-9]{0,14}$',
    examples: ['7'],
    ...errorMessage(`The ${what} must be a whole number from 1 on, in plain digits.`),
    ...options,
  });
}

/** An id as it stands in an answer. */
export const WireId = Type.Integer({ minimum: 1, examples: [7] });

/** How many items a page is to have. */
export const PageLimit = Type.Optional(
  Type.String({
    pattern: '^([1-9][0-9]?|1[0-9]{2}|200)$',
    examples: ['50'],
    ...errorMessage('The limit must be a whole number from 1 to 200.'),
  }),
);

/** A page of a list that is ordered by time, the newest first. */
export const TimePage = Type.Object({
  before: Type.Optional(Id('number in before', { description: 'As `Link` gives it.' })),
  limit: PageLimit,
});

/** Larger than every id, and later than every time. */
export const beyondIds = 10 ** 15;

/** ISO 8601 in UTC with milliseconds. */
export const Time = Type.String({ format: 'date-time', examples: ['2026-11-22T08:35:52.123Z'] });

const dayLength = 86_400_000;

/**
 * The days that were written, by their number since 1970, as text up to the `T`. They need no bound:
 * there are no more of them than days on which something was stored.
 */
const days = new Map<number, string>();

/**
 * A time in ms since 1970 as it stands in an answer. Times share their days: each of these is written
 * once, which makes this three times as fast as Date's own way.
 */
export function isoTime(ms: number): string {
  const number = Math.floor(ms / dayLength);
  const rest = ms - number * dayLength;
  const [hours, minutes] = [Math.floor(rest / 3_600_000), Math.floor(rest / 60_000) % 60];
  const [seconds, thousandths] = [Math.floor(rest / 1000) % 60, rest % 1000];
  return `${dayOf(number)}${digits(hours, 2)}:${digits(minutes, 2)}:${digits(seconds, 2)}.${digits(thousandths, 3)}Z`;
}

function dayOf(number: number): string {
  let text = days.get(number);
  if (text === undefined) {
    text = new Date(number * dayLength).toISOString().slice(0, -'00:00:00.000Z'.length);
    days.set(number, text);
  }
  return text;
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, '0');
}

export const Ok = Type.Object({ status: Type.Literal('ok') }, { description: 'It is done.' });

/** The server is ready; to the machine that it runs on it says more. */
export const Health = Type.Object({
  ...Ok.properties,
  backup: Type.Optional(Type.Literal('late', { description: 'The newest backup is too old.' })),
});

/** Every failure: one sentence that says why it is not done, and what to do. */
export const Failure = Type.Object({
  error: Type.String({ examples: ['There is no such chat.'] }),
});

/** A file of the client, by the name that the build gave it. */
export const AssetParams = Type.Object({
  file: Type.String({
    pattern: '^[\\w-]+\\.[a-z]+$',
    ...errorMessage('The name of the file is not one of the client’s.'),
  }),
});

/** An answer that is no JSON of ours: a page, a script, a document made by others. */
export const Anything = Type.Any();

/** The answer of a route that has succeeded. Refusals are answered by one handler for all routes. */
export function answers<Status extends number, Body>(status: Status, body: Body) {
  return { [status]: body } as Record<Status, Body>;
}
