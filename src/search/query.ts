/** What a person types to search, made into what FTS5 understands: no input is an error. */
import { inWindow } from './windows.ts';
import { foldedWords } from './words.ts';

/** Words that must stand in this order; the last one may go on if it is a prefix. */
export interface Term {
  readonly words: readonly string[];
  readonly isPrefix: boolean;
}

/** So many words of a query count; who types more has pasted something. */
const wordLimit = 16;

/** Shorter beginnings are whole words: as prefixes they would fit almost everything. */
const prefixLength = 2;

/**
 * Splits a query into terms, all of which must be found: "quoted phrases" and words. The last word
 * is taken as the beginning of one, unless it is quoted or a space follows it.
 */
export function parseQuery(query: string): Term[] {
  const terms: Term[] = [];
  let left = wordLimit;
  for (const { 1: phrase, 2: chunk, 0: raw, index } of query.matchAll(/"([^"]*)"?|([^\s"]+)/g)) {
    const words = foldedWords(phrase ?? chunk ?? '');
    const mayGoOn = phrase === undefined && index + raw.length === query.length;
    const isPrefix = mayGoOn && words.length <= left && (words.at(-1)?.length ?? 0) >= prefixLength;
    if (words.length > 0 && left > 0) terms.push({ words: words.slice(0, left), isPrefix });
    left -= words.length;
  }
  return terms;
}

/**
 * The expression for FTS5's MATCH; https://sqlite.org/fts5.html#full_text_query_syntax.
 *
 * @param window which window of ids to look in; see windows.ts.
 * @param scopes each a list of alternatives (see scopeOf), of which one must fit.
 */
export function matchExpression(
  terms: readonly Term[],
  scopes: readonly string[][],
  window: number,
): string {
  const quote = (words: readonly string[]) => `"${inWindow(window, words)}"`;
  const words = terms.map(({ words, isPrefix }) => quote(words) + (isPrefix ? ' *' : ''));
  const alternatives = scopes.map(
    (scope) => `scope : (${scope.map((word) => quote([word])).join(' OR ')})`,
  );
  return [`words : (${words.join(' AND ')})`, ...alternatives].join(' AND ');
}

/** The words that stand for where a message is and who sent it. */
export const scopeOf = {
  chat: (id: number) => `c${id}`,
  sender: (id: number) => `u${id}`,
};
