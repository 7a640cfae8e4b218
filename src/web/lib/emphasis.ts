/**
 * Decides where `*`, `_` and `~` are marks of emphasis. CommonMark's rules assume scripts with
 * spaces, and remove the marks from `2*3*4` and `__init__.py`; these rules do neither.
 */
import { unspaced } from '../../mentions/candidates.ts';

/** A run of marks at the start of a text: at most three of one kind. */
const run = /^(?:\*{1,3}(?!\*)|_{1,3}(?!_)|~{1,2}(?!~))/;

/**
 * What may precede an opening mark, apart from the start of the text: space, an opening bracket or
 * quote, a dash, another mark, a symbol (such as an emoji), half of a surrogate pair, and letters
 * and punctuation of scripts without spaces between words.
 */
const beforeOpening = new RegExp(
  `[\\s\\p{Ps}\\p{Pi}\\p{Pd}\\p{So}\\p{Cs}"'*_~\\u3000-\\u303f\\uff00-\\uff65]|\\ufe0f|\\u200d|${unspaced}`,
  'u',
);

/** Characters that emphasised text cannot start with. */
const notInside = /[\s\p{Pe}\p{Pf},;]/u;

/** Letters and digits after which a `_` would be inside a word and cannot close. */
const spacedWord = new RegExp(`(?!${unspaced})[\\p{L}\\p{N}]`, 'u');

/** What may continue a name in code or in an address after a `_`: `__init__.py`. */
const joined = /^(?:[([]|[.\-/:=@\\]+[\p{L}\p{N}_])/u;

/** The marks at the start of a text, if they can open emphasis; otherwise an empty string. */
export function openingMarks(text: string, before: string): string {
  const marks = run.exec(text)?.[0] ?? '';
  return marks !== '' && canOpen(before, text.slice(marks.length, marks.length + 1)) ? marks : '';
}

export function canOpen(before: string, after: string): boolean {
  if (after === '' || notInside.test(after)) return false;
  return before === '' || beforeOpening.test(before);
}

/** @param rest the text after the mark; its first few characters are enough. */
export function canClose(mark: string, before: string, rest: string): boolean {
  if (before === '' || /[\s\p{Ps}\p{Pi}]/u.test(before)) return false;
  const after = rest.charAt(0);
  if (mark === '_') return after !== '_' && !spacedWord.test(after) && !joined.test(rest);
  return !/\p{N}/u.test(after);
}

/**
 * The position of the marks that close an emphasis, or -1.
 *
 * @param text starts after the opening marks.
 */
export function closingMarks(text: string, marks: string): number {
  const mark = marks.charAt(0);
  let depth = 0;
  for (let from = 0; ; ) {
    const start = text.indexOf(mark, from);
    if (start < 0) return -1;
    let end = start + 1;
    while (text[end] === mark) end += 1;
    from = end;
    if (end - start !== marks.length || start === 0) continue;
    const before = text.charAt(start - 1);
    if (canClose(mark, before, text.slice(end, end + 8))) {
      if (depth === 0) return start;
      depth -= 1;
    } else if (canOpen(before, text.charAt(end))) depth += 1;
  }
}
