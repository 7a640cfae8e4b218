/** What a person types to search, made into what FTS5 understands: no input is an error. */
import { wordsOf } from './words.ts';

/** Words that must stand in this order; the last one may go on if it is a prefix. */
export interface Term {
  readonly words: readonly string[];
  readonly isPrefix: boolean;
}

/** So many terms of a query count; who types more has pasted something. */
const termLimit = 16;

/** Shorter beginnings are whole words: as prefixes they would fit almost everything. */
const prefixLength = 2;

/**
 * Splits a query into terms, all of which must be found: "quoted phrases" and words. The last word
 * is taken as the beginning of one, unless it is quoted or a space follows it.
 */
export function parseQuery(query: string): Term[] {
  const parts = Array.from(query.matchAll(/"([^"]*)"?|([^\s"]+)/g));
  return parts
    .map(({ 1: phrase, 2: chunk, 0: raw, index }) => {
      const words = wordsOf(phrase ?? chunk ?? '').map((word) => word.text);
      const isLast = phrase === undefined && index + raw.length === query.length;
      return { words, isPrefix: isLast && (words.at(-1)?.length ?? 0) >= prefixLength };
    })
    .filter((term) => term.words.length > 0)
    .slice(0, termLimit);
}

/**
 * The expression for FTS5's MATCH; https://sqlite.org/fts5.html#full_text_query_syntax.
 *
 * @param scopes each a list of alternatives (see scopeOf), of which one must fit.
 */
export function matchExpression(terms: readonly Term[], scopes: readonly string[][]): string {
  const words = terms.map(({ words, isPrefix }) => quote(words.join(' ')) + (isPrefix ? ' *' : ''));
  const alternatives = scopes.map((scope) => `scope : (${scope.map(quote).join(' OR ')})`);
  return [`words : (${words.join(' AND ')})`, ...alternatives].join(' AND ');
}

/** The words that stand for where a message is and who sent it. */
export const scopeOf = {
  chat: (id: number) => `c${id}`,
  sender: (id: number) => `u${id}`,
};

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
