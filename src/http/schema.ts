/** What every route's schema is made of. */
import { type TSchemaOptions, Type } from 'typebox';

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

/** ISO 8601 in UTC with milliseconds. */
export const Time = Type.String({ format: 'date-time', examples: ['2026-11-22T08:35:52.123Z'] });

export const Ok = Type.Object({ status: Type.Literal('ok') }, { description: 'It is done.' });

export const Failure = Type.Object(
  { error: Type.String({ examples: ['There is no such chat.'] }) },
  { description: 'It is not done; `error` says why, and what to do.' },
);

/** The answers that a route can give: its success and, for everything else, one sentence. */
export function answers<Status extends number, Body>(status: Status, body: Body) {
  return { [status]: body, '4xx': Failure, '5xx': Failure } as Record<Status, Body> &
    Record<'4xx' | '5xx', typeof Failure>;
}
