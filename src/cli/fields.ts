import type { TSchema } from 'typebox';
import { Check } from 'typebox/schema';
import { OperatorError } from '../errors.ts';

/**
 * Checks an argument against the schema that the API has for it.
 *
 * @throws OperatorError with the schema's own sentence.
 */
export function checkField(schema: TSchema & { 'x-error'?: string }, value: string): void {
  if (!Check(schema, value)) throw new OperatorError(schema['x-error'] ?? 'This cannot be used.');
}
