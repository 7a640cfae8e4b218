/**
 * Where `*`, `_` and `~` are marks in a chat. CommonMark's rules for them know only scripts with
 * spaces, and take the marks out of `2*3*4` and `__init__.py`; these rules do neither.
 */
import { unspaced } from '../../mentions/candidates.ts';

/** A run of marks at the start of a text: at most three of one kind. */
const run = /^(?:\*{1,3}(?!\*)|_{1,3}(?!_)|~{1,2}(?!~))/;

/**
 * What may stand before an opening mark, besides nothing: space, an opening bracket or quote, a
 * dash, another mark, a symbol (as an emoji is), half of a character beyond 16 bits, and what is
 * written in scripts that put no spaces between words.
 */
const beforeOpening = new RegExp(
  `[\\s\\p{Ps}\\p{Pi}\\p{Pd}\\p{So}\\p{Cs}"'*_~\\u3000-\\u303f\\uff00-\\uff65]|\\ufe0f|\\u200d|${unspaced}`,
  'u',
);

/** What no emphasis starts with. */
const notInside = /[\s\p{Pe}\p{Pf},;]/u;

/** Letters and digits that continue a word which a closing `_` would end within. */
const spacedWord = new RegExp(`(?!${unspaced})[\\p{L}\\p{N}]`, 'u');

/** What follows the end of a name in a program or an address, and makes one with it: `__init__.py`. */
const joined = /^(?:[([]|[.\-/:=@\\]+[\p{L}\p{N}_])/u;

/** The marks that a text starts with, if they can open an emphasis; else an empty text. */
export function openingMarks(text: string, before: string): string {
  const marks = run.exec(text)?.[0] ?? '';
  return marks !== '' && canOpen(before, text.slice(marks.length, marks.length + 1)) ? marks : '';
}

export function canOpen(before: string, after: string): boolean {
  if (after === '' || notInside.test(after)) return false;
  return before === '' || beforeOpening.test(before);
}

/** @param rest what follows the mark; some characters of it suffice. */
export function canClose(mark: string, before: string, rest: string): boolean {
  if (before === '' || /[\s\p{Ps}\p{Pi}]/u.test(before)) return false;
  const after = rest.charAt(0);
  if (mark === '_') return after !== '_' && !spacedWord.test(after) && !joined.test(rest);
  return !/\p{N}/u.test(after);
}

/**
 * Where the marks stand that close an emphasis, or -1.
 *
 * @param text starts behind the marks that open it.
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
