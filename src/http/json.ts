import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';
import { textOf } from './utf8.ts';

/**
 * Parses JSON as Fastify does, but refuses a field that occurs twice, as in a form or a query: RFC
 * 8259, 4, leaves open which of the two counts, and a proxy in front of this server might have read
 * the other one. A byte order mark is ignored, as RFC 8259, 8.1, allows.
 */
export const json = fp(
  async (app: FastifyInstance) => {
    const parse = app.getDefaultJsonParser('error', 'error');
    app.addContentTypeParser<Buffer>(
      'application/json',
      { parseAs: 'buffer' },
      (request, bytes, done) => {
        const text = textOf(request, bytes);
        parse(request, text, (error, body) => {
          done(error ?? (hasDoubledField(text) ? new Refusal('bad_body') : null), body);
        });
      },
    );
  },
  { name: 'json' },
);

/** A string, or a structural character of JSON. */
const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/g;

/** Whether a field of the outermost object of a well-formed JSON text occurs twice. */
function hasDoubledField(text: string): boolean {
  const fields = new Set<string>();
  let depth = 0;
  let last = '';
  for (const [found] of text.matchAll(token)) {
    if (found === '{' || found === '[') depth += 1;
    else if (found === '}' || found === ']') depth -= 1;
    else if (found === ':' && depth === 1) {
      const field: string = JSON.parse(last);
      if (fields.has(field)) return true;
      fields.add(field);
    }
    last = found;
  }
  return false;
}
