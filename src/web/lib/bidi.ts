/**
 * Texts that people wrote, among ours: each is isolated, so that Hebrew, Arabic or a character that
 * changes the direction moves nothing outside of it (Unicode Standard Annex #9).
 */

/** Letters that are written from right to left, and characters that change the direction. */
const directed =
  /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

const opener = /[\u2066-\u2068]/;
const closer = '\u2069';

/** A text for a plain sentence (a label, a notification), isolated where that makes a difference. */
export function isolated(text: string): string {
  return directed.test(text) ? `\u2068${balanced(text)}${closer}` : text;
}

/**
 * The direction of a text by its first letter, as `dir="auto"` finds it; for an element whose
 * content has a direction of its own, which `auto` does not look at.
 */
export function directionOf(text: string): 'rtl' | 'ltr' {
  const [letter = ''] = /\p{L}/u.exec(text) ?? [];
  return directed.test(letter) ? 'rtl' : 'ltr';
}

/** A text that closes the isolates that it opens, and no others: it cannot end the one around it. */
export function balanced(text: string): string {
  let depth = 0;
  const kept = Array.from(text, (character) => {
    if (opener.test(character)) depth += 1;
    if (character !== closer) return character;
    depth -= 1;
    if (depth >= 0) return character;
    depth = 0;
    return '';
  });
  return kept.join('') + closer.repeat(depth);
}
