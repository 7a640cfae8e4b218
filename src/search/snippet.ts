import type { Term } from './query.ts';
import { type Word, wordsOf } from './words.ts';

/** A piece of a message around what was found; marks are [start, end) in UTF-16 code units. */
export interface Snippet {
  readonly text: string;
  readonly marks: [number, number][];
}

/** As much is shown before the first hit and after it, in UTF-16 code units. */
const before = 40;
const after = 120;

/** Cuts a piece out of a message and marks in it what was searched for. */
export function snippetOf(content: string, terms: readonly Term[]): Snippet {
  const hits = findHits(wordsOf(content), terms);
  const first = hits[0]?.start ?? 0;
  const start = first > before ? cutAt(content, first - before) : 0;
  const end = first + after < content.length ? cutAt(content, first + after) : content.length;
  const lead = start > 0 ? '…' : '';
  const text = lead + content.slice(start, end) + (end < content.length ? '…' : '');
  const shift = lead.length - start;
  const marks = hits
    .filter((hit) => hit.end <= end)
    .map((hit): [number, number] => [hit.start + shift, hit.end + shift]);
  return { text, marks };
}

/** The words that belong to a term where all of it stands. */
function findHits(words: readonly Word[], terms: readonly Term[]): Word[] {
  const hits = new Set<Word>();
  words.forEach((_, index) => {
    for (const term of terms) {
      const run = words.slice(index, index + term.words.length);
      if (fits(run, term)) for (const word of run) hits.add(word);
    }
  });
  return words.filter((word) => hits.has(word));
}

function fits(run: readonly Word[], { words, isPrefix }: Term): boolean {
  return words.every((wanted, index) => {
    const found = run[index]?.text;
    const mayGoOn = isPrefix && index === words.length - 1;
    return mayGoOn ? found?.startsWith(wanted) : found === wanted;
  });
}

/** The nearest place that does not halve a surrogate pair. */
function cutAt(text: string, index: number): number {
  return /[\uDC00-\uDFFF]/.test(text[index] ?? '') ? index - 1 : index;
}
