import { standsAt, type Term } from '../search-index/fts-query.ts';
import { type Word, wordsOf } from '../search-index/words.ts';

/** An extract of a message around the first match; marks are [start, end) in UTF-16 code units. */
export interface Snippet {
  readonly text: string;
  readonly marks: [number, number][];
}

/** The lengths of text before and after the start of the first match, in UTF-16 code units. */
const before = 40;
const after = 120;

/** Extracts a snippet from a message, and marks the terms in it. */
export function snippetOf(content: string, terms: readonly Term[]): Snippet {
  const words = wordsOf(content);
  const texts = words.map(({ text }) => text);
  const first = texts.findIndex((_, at) => terms.some((term) => standsAt(texts, at, term)));
  const found = words[first]?.start ?? 0;
  const start = found > before ? cutAt(content, found - before) : 0;
  const end = found + after < content.length ? cutAt(content, found + after) : content.length;
  const lead = start > 0 ? '…' : '';
  const text = lead + content.slice(start, end) + (end < content.length ? '…' : '');
  const shift = lead.length - start;
  const shown = words.filter((word) => word.start >= found && word.end <= end);
  const hits = hitsIn(words, shown, terms);
  return { text, marks: hits.map((hit): [number, number] => [hit.start + shift, hit.end + shift]) };
}

/** The shown words that belong to a complete match of a term. */
function hitsIn(words: readonly Word[], shown: readonly Word[], terms: readonly Term[]): Word[] {
  const hits = new Set<Word | undefined>();
  const first = shown[0] === undefined ? 0 : words.indexOf(shown[0]);
  const texts = words.map(({ text }) => text);
  for (const index of shown.keys()) {
    for (const term of terms) {
      if (!standsAt(texts, first + index, term)) continue;
      for (const offset of term.words.keys()) hits.add(words[first + index + offset]);
    }
  }
  return shown.filter((word) => hits.has(word));
}

/** The nearest position that does not split a surrogate pair. */
function cutAt(text: string, index: number): number {
  return /[\uDC00-\uDFFF]/.test(text[index] ?? '') ? index - 1 : index;
}
