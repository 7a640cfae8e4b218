/** Turns what a person types into an FTS5 query. Every input is valid. */
import { senderInBlock, wordsInBlock } from './blocks.ts';
import { foldedWords } from './words.ts';

/** Words that must follow each other; the last one may be the beginning of a word. */
export interface Term {
  readonly words: readonly string[];
  readonly isPrefix: boolean;
}

/** Only this many words of a query count; longer queries are pasted by mistake. */
const wordLimit = 16;

/** Shorter beginnings count as whole words: as prefixes they would match almost everything. */
const prefixLength = 2;

/**
 * Splits a query into terms, all of which must match: "quoted phrases" and words. The last word
 * counts as the beginning of one, unless it is quoted or followed by a space.
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
 * The expression for FTS5's MATCH; https://sqlite.org/fts5.html#full_text_query_syntax. It matches
 * messages in one of the blocks that have all the terms.
 *
 * @param senderId only messages of this user, if given.
 */
export function matchExpression(
  terms: readonly Term[],
  blocks: readonly number[],
  senderId?: number,
): string {
  return blocks.map((block) => `(${inBlock(terms, block, senderId)})`).join(' OR ');
}

function inBlock(terms: readonly Term[], block: number, senderId: number | undefined): string {
  const phrases = terms.map(
    ({ words, isPrefix }) => `"${wordsInBlock(block, words)}"${isPrefix ? ' *' : ''}`,
  );
  if (senderId !== undefined) phrases.push(`"${senderInBlock(block, senderId)}"`);
  return phrases.join(' AND ');
}

/** Whether a text has all the terms. */
export function hasTerms(words: readonly string[], terms: readonly Term[]): boolean {
  return terms.every((term) => words.some((_, at) => standsAt(words, at, term)));
}

/** Whether a term matches at this position of a text. */
export function standsAt(words: readonly string[], at: number, { words: wanted, isPrefix }: Term) {
  return wanted.every((text, index) => {
    const found = words[at + index];
    const mayGoOn = isPrefix && index === wanted.length - 1;
    return mayGoOn ? found?.startsWith(text) : found === text;
  });
}
